//! What happens by itself: steps, promotions, and rollbacks of candidates that are worse.

use super::controller::{Component, Rollouts, now_ms};
use super::operations::Refused;
use super::record::{Event, Rollout};
use super::revision_set::Weighed;
use std::time::Instant;
use tessera_rollout::judge::judge;
use tessera_rollout::plan::Next;
use tessera_rollout::shadow;

impl Rollouts {
    /// Compares the candidate of a component with its stable revision, if there is one.
    pub(super) async fn advance(&self, id: &str, component: &Component) -> Result<(), Refused> {
        let mut state = component.state.lock().await;
        let Some(rollout) = state.record.rollout.clone().filter(|_| state.is_ready) else {
            return Ok(());
        };
        if let Some((by, reason)) = state.ends.clone() {
            return self.roll_back_in(component, id, &mut state, &by, reason).await;
        }
        for (sum, more) in state.compared.iter_mut().zip(component.slot.measured()) {
            sum.add(&more);
        }
        let [stable, candidate] = &state.compared;
        let criteria = &rollout.plan.criteria;
        let verdict = match rollout.plan.shadow(rollout.step) {
            Some(shadow) => {
                let copies = component.slot.copies().map(|(copies, _)| copies);
                shadow::judge(&copies.unwrap_or_default(), shadow, criteria.calls_min)
            }
            None => judge(stable, candidate, criteria),
        };
        let mut record = state.record.clone();
        match rollout.plan.next(rollout.step, state.step_began.elapsed(), &verdict) {
            Next::Stay => {}
            Next::Wait if rollout.waits => {}
            Next::Wait => {
                record.rollout = Some(Rollout { waits: true, ..rollout });
                self.write(id, &mut state, record).await?;
                tracing::info!(component = id, "a rollout waits for its promotion");
            }
            Next::Step(step) => {
                let share_percent = rollout.plan.share_percent(step);
                let shadow = rollout.plan.shadow(step).cloned();
                let (revision, cohort, salt) =
                    (rollout.candidate.clone(), rollout.cohort.clone(), rollout.salt);
                record.rollout = Some(Rollout { step, ..rollout });
                record.note(now_ms(), revision.clone(), "", Event::Step { share_percent });
                self.write(id, &mut state, record).await?;
                component.slot.weigh(Weighed { share_percent, cohort, salt, shadow });
                state.step_began = Instant::now();
                state.compared = Default::default();
                tracing::info!(component = id, revision = %revision, share_percent, "a step begins");
            }
            Next::Promote => self.promote_in(component, id, &mut state, "").await?,
            Next::RollBack(reason) => {
                self.roll_back_in(component, id, &mut state, "", Some(reason)).await?;
            }
        }
        Ok(())
    }
}
