//! The rollouts of an application.

use super::digest::RevisionId;
use super::files::Records;
use super::operations::{Code, Refused};
use super::record::{Event, Parts, Record};
use super::revision_set::Weighed;
use super::{Ingredients, Install, NewCode, Slot, Which};
use crate::fault_points;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tessera_rollout::judge::{Reason, Verdict};
use tessera_rollout::meter::Observed;
use tessera_rollout::plan::Next;
use tokio::sync::Mutex;

/// How often candidates are compared with stable revisions.
const TICK: Duration = Duration::from_secs(1);

/// The rollouts of all components.
pub(crate) struct Rollouts {
    pub(super) components: BTreeMap<String, Component>,
    pub(super) records: Records,
    /// One change at a time: contracts are compared with what other components have in service.
    pub(super) turn: Mutex<()>,
}

/// One component.
pub(crate) struct Component {
    pub(super) slot: Arc<dyn Slot>,
    /// Whether what was in service at the start is durable.
    is_durable: AtomicBool,
    /// One operation at a time.
    pub(super) state: Mutex<State>,
    /// What is recorded, for those who do not wait for operations.
    recorded: parking_lot::Mutex<Arc<Record>>,
}

/// What is known about a component.
pub(super) struct State {
    pub(super) record: Record,
    /// Whether the candidate can serve calls.
    pub(super) is_ready: bool,
    /// The rollout that was in progress when the host ended; 0 if there was none.
    pub(super) resumed: u64,
    /// Who ended the rollout and why, if that could not be recorded yet.
    pub(super) ends: Option<(String, Option<Reason>)>,
    /// Whether the previous revision can serve calls at once.
    pub(super) has_previous: bool,
    pub(super) step_began: Instant,
    /// What was measured in this step, of the stable revision and of the candidate.
    pub(super) compared: [Observed; 2],
}

impl Component {
    /// A component with the stable revision of this record in service.
    pub(crate) fn new(slot: Arc<dyn Slot>, record: Record) -> Self {
        let recorded = parking_lot::Mutex::new(Arc::new(record.clone()));
        let state = State {
            resumed: record.rollout.as_ref().map_or(0, |rollout| rollout.salt),
            ends: None,
            record,
            is_ready: false,
            has_previous: false,
            step_began: Instant::now(),
            compared: Default::default(),
        };
        Self { slot, is_durable: AtomicBool::new(false), state: Mutex::new(state), recorded }
    }
}

impl Rollouts {
    pub(crate) fn new(components: BTreeMap<String, Component>, records: Records) -> Arc<Self> {
        Arc::new(Self { components, records, turn: Mutex::default() })
    }

    /// The stable revision of a component, and what it consists of.
    pub(crate) fn stable(&self, id: &str) -> Option<(RevisionId, Parts)> {
        let record = self.components.get(id)?.recorded.lock().clone();
        let parts = record.parts(&record.stable).ok()?.clone();
        Some((record.stable.clone(), parts))
    }

    /// Continues the rollouts that were in progress when the host ended, and compares candidates
    /// with stable revisions until the task is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        {
            // The admin listener may be served already: what is being deployed is not recorded yet.
            let _turn = self.turn.lock().await;
            self.remove_unneeded().await;
        }
        for (id, component) in &self.components {
            self.resume(id, component).await;
        }
        loop {
            tokio::time::sleep(TICK).await;
            for (id, component) in &self.components {
                let _turn = self.turn.lock().await;
                if let Err(error) = self.advance(id, component).await {
                    tracing::error!(component = id, "a rollout can't continue: {error}");
                }
            }
        }
    }

    async fn resume(self: &Arc<Self>, id: &str, component: &Component) {
        let _turn = self.turn.lock().await;
        let state = component.state.lock().await;
        // One that was deployed after the start is being prepared already.
        let resumed = state.record.rollout.clone().filter(|rollout| rollout.salt == state.resumed);
        let Some(rollout) = resumed else { return };
        match self.kept(&state.record, rollout.candidate.clone()).await {
            Ok((_, ingredients)) => {
                tracing::info!(component = id, revision = %rollout.candidate, "a rollout continues");
                self.prepare(id.to_owned(), rollout.salt, ingredients);
            }
            Err(error) => {
                drop(state);
                self.refuse(component, id, rollout.salt, &error.to_string()).await;
            }
        }
    }

    /// Compiles and links the candidate in the background, and then begins with its step. `salt` names
    /// the rollout: the same revision may be deployed again in the meantime.
    #[expect(clippy::disallowed_methods, reason = "the operator does not wait for the compilation")]
    pub(super) fn prepare(self: &Arc<Self>, id: String, salt: u64, ingredients: Ingredients) {
        let all = self.clone();
        tokio::spawn(async move {
            let Some(component) = all.components.get(&id) else { return };
            let made = component.slot.make(ingredients).await;
            let _turn = all.turn.lock().await;
            match made {
                Err(error) => all.refuse(component, &id, salt, &format!("{error:#}")).await,
                Ok(install) => {
                    if let Err(error) = all.begin(component, &id, salt, install).await {
                        tracing::error!(component = id, "a rollout can't begin: {error}");
                    }
                }
            }
        });
    }

    /// Begins the current step of a rollout whose candidate is ready, unless it has ended.
    async fn begin(
        &self,
        component: &Component,
        id: &str,
        salt: u64,
        install: Install,
    ) -> Result<(), Refused> {
        let mut state = component.state.lock().await;
        let Some(rollout) = state.record.rollout.clone().filter(|one| one.salt == salt) else {
            return Ok(());
        };
        install();
        // What was measured before is not of this time.
        drop(component.slot.measured());
        state.is_ready = true;
        state.step_began = Instant::now();
        state.compared = Default::default();
        // It was rolled back before it was ready, and that could not be recorded.
        if let Some((by, reason)) = state.ends.clone() {
            return self.roll_back_in(component, id, &mut state, &by, reason).await;
        }
        if rollout.plan.next(rollout.step, Duration::ZERO, &Verdict::TooFewCalls) == Next::Promote {
            return self.promote_in(component, id, &mut state, "").await;
        }
        let share_percent = rollout.plan.share_percent(rollout.step);
        let shadow = rollout.plan.shadow(rollout.step).cloned();
        let (revision, cohort) = (rollout.candidate, rollout.cohort);
        component.slot.weigh(Weighed { share_percent, cohort, salt, shadow });
        tracing::info!(component = id, %revision, share_percent, "a step begins");
        Ok(())
    }

    /// The code of a candidate can't be used.
    async fn refuse(&self, component: &Component, id: &str, salt: u64, detail: &str) {
        let mut state = component.state.lock().await;
        if state.record.rollout.as_ref().is_some_and(|rollout| rollout.salt == salt) {
            self.refuse_in(component, id, &mut state, detail).await;
        }
    }

    async fn refuse_in(&self, component: &Component, id: &str, state: &mut State, detail: &str) {
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return };
        let candidate = rollout.candidate;
        tracing::error!(component = id, revision = %candidate, "a revision is refused: {detail}");
        let event = Event::Refused { detail: detail.to_owned() };
        record.note(now_ms(), candidate, "", event);
        match self.write(id, state, record).await {
            Ok(()) => {
                component.slot.withdraw();
                state.is_ready = false;
                state.ends = None;
            }
            Err(error) => tracing::error!(component = id, "that is not recorded: {error}"),
        }
    }

    /// The candidate gets all calls.
    pub(super) async fn promote_in(
        &self,
        component: &Component,
        id: &str,
        state: &mut State,
        by: &str,
    ) -> Result<(), Refused> {
        // Other components may have changed since it was linked.
        if let Err(error) = component.slot.check(Which::Candidate) {
            let detail = format!("{error:#}");
            self.refuse_in(component, id, state, &detail).await;
            return Err(Refused::Invalid(detail));
        }
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return Err(Refused::NoRollout) };
        let candidate = rollout.candidate;
        record.previous = Some(std::mem::replace(&mut record.stable, candidate.clone()));
        record.note(now_ms(), candidate.clone(), by, Event::Promoted);
        self.write(id, state, record).await?;
        component.slot.promote();
        state.is_ready = false;
        state.ends = None;
        state.has_previous = true;
        tracing::info!(component = id, revision = %candidate, by, "a revision is promoted");
        Ok(())
    }

    /// The stable revision gets all calls.
    pub(super) async fn roll_back_in(
        &self,
        component: &Component,
        id: &str,
        state: &mut State,
        by: &str,
        reason: Option<Reason>,
    ) -> Result<(), Refused> {
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return Err(Refused::NoRollout) };
        // At once, also if it can't be recorded yet.
        component.slot.weigh(Weighed::default());
        state.ends = Some((by.to_owned(), reason.clone()));
        let candidate = rollout.candidate;
        let why = reason.as_ref().map(Reason::to_string).unwrap_or_default();
        record.note(now_ms(), candidate.clone(), by, Event::RolledBack { reason });
        self.write(id, state, record).await?;
        component.slot.withdraw();
        state.is_ready = false;
        state.ends = None;
        tracing::warn!(component = id, revision = %candidate, by, why, "a revision is rolled back");
        Ok(())
    }

    /// Makes a record durable. Only then it counts.
    pub(super) async fn write(
        &self,
        id: &str,
        state: &mut State,
        record: Record,
    ) -> Result<(), Refused> {
        fault_points::around(|| format!("rollout/{id}"), self.write_now(id, state, record)).await
    }

    async fn write_now(&self, id: &str, state: &mut State, record: Record) -> Result<(), Refused> {
        let (records, shown, id) = (self.records.clone(), id.to_owned(), id.to_owned());
        let record = blocking(move || records.write(&id, &record).map(|()| record)).await?;
        self.recorded(&shown, state, record);
        Ok(())
    }

    /// A record is durable: it counts.
    pub(super) fn recorded(&self, id: &str, state: &mut State, record: Record) {
        if let Some(component) = self.components.get(id) {
            *component.recorded.lock() = Arc::new(record.clone());
        }
        state.record = record;
    }

    /// A new revision of a component, durable.
    pub(super) async fn ingredients(
        &self,
        record: &Record,
        code: Code,
    ) -> Result<(Parts, Ingredients), Refused> {
        let bytes = match code {
            Code::Bytes(bytes) => bytes,
            Code::Kept(digits) => {
                return self.kept(record, one(record.find(&digits), &digits)?).await;
            }
        };
        let settings = record.parts(&record.stable)?.settings.clone();
        let records = self.records.clone();
        blocking(move || {
            let code = records.keep(&bytes)?;
            let parts = Parts { code, settings };
            let settings = records.settings(&parts.settings)?;
            Ok((parts, Ingredients { code: NewCode::Bytes(bytes), settings }))
        })
        .await
    }

    /// A revision that is kept.
    pub(super) async fn kept(
        &self,
        record: &Record,
        revision: RevisionId,
    ) -> Result<(Parts, Ingredients), Refused> {
        let parts = record.parts(&revision)?.clone();
        let in_service = record.parts(&record.stable)?.code == parts.code;
        let records = self.records.clone();
        blocking(move || {
            let code = match in_service {
                true => NewCode::InService,
                false => NewCode::Bytes(records.code(&parts.code)?),
            };
            let settings = records.settings(&parts.settings)?;
            Ok((parts, Ingredients { code, settings }))
        })
        .await
    }

    /// Keeps what was in service at the start, before something else is.
    pub(super) async fn keep_present(
        &self,
        component: &Component,
        record: &Record,
    ) -> Result<(), Refused> {
        if component.is_durable.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (stable, origin) = (record.parts(&record.stable)?.clone(), record.origin.clone());
        let records = self.records.clone();
        blocking(move || {
            records.make_durable(&stable)?;
            records.make_settings_durable(&origin.settings)
        })
        .await?;
        component.is_durable.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Removes what revisions consist of that are long gone.
    pub(super) async fn remove_unneeded(&self) {
        let records = self.records.clone();
        let recorded = self.components.values().map(|component| component.recorded.lock().clone());
        let needed: BTreeSet<_> = recorded.flat_map(|record| record.needed()).collect();
        if let Err(error) = blocking(move || records.remove_unneeded(needed)).await {
            tracing::warn!("what earlier revisions consist of can't be removed: {error}");
        }
    }
}

/// The only one of these revisions.
pub(super) fn one(found: Vec<RevisionId>, digits: &str) -> Result<RevisionId, Refused> {
    match found.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(Refused::NotKept(digits.to_owned())),
        several => {
            let names = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Refused::Ambiguous(digits.to_owned(), names))
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)?;
    done.map_err(Refused::Storage)
}

/// The time, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the history has dates")]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_name_several_revisions_are_refused_with_their_names() {
        let ids: Vec<_> = (0_u8..2).map(|byte| RevisionId::of([byte])).collect();
        assert_eq!(one(ids[..1].to_vec(), "").unwrap(), ids[0]);
        let refused = one(ids.clone(), "6e").unwrap_err().to_string();
        assert!(refused.contains(&format!("begin with `6e`: {}, {}", ids[0], ids[1])), "{refused}");
        let refused = one(Vec::new(), "6e").unwrap_err().to_string();
        assert!(refused.contains("deploy its file again"), "{refused}");
    }
}
