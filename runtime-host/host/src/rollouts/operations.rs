//! What an operator asks for.

use super::Which;
use super::cohort::Cohort;
use super::controller::{Component, Rollouts, State, now_ms};
use super::digest::RevisionId;
use super::record::{Event, Rollout};
use crate::telemetry::random;
use std::sync::Arc;
use tessera_rollout::plan::Plan;
use thiserror::Error;

/// A new revision of a component, and how it gets its calls.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) code: Code,
    /// Where the code comes from, for the history; empty if that is not known.
    pub(crate) origin: String,
    pub(crate) plan: Plan,
    pub(crate) cohort: Cohort,
    /// Who deploys it, for the history.
    pub(crate) by: String,
}

/// The code of a new revision.
#[derive(Debug)]
pub(crate) enum Code {
    /// A component.
    Bytes(Vec<u8>),
    /// The first digits of a revision that is kept.
    Kept(String),
}

/// Why something was not done.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("there is no component `{0}`")]
    NoComponent(String),
    #[error("a rollout of `{0}` is in progress: promote it or roll it back first")]
    InProgress(RevisionId),
    #[error("a rollout of `{0}`, {1}, is in progress: promote it or roll it back first")]
    InProgressOf(String, RevisionId),
    #[error("there is no rollout in progress")]
    NoRollout,
    #[error("the candidate is not ready yet: try again in a moment")]
    NotReady,
    #[error("there is no earlier revision: deploy one")]
    NoPrevious,
    #[error("revision {0} serves all calls already")]
    Unchanged(RevisionId),
    #[error("it has changed in the meantime: the revision is {0} now. Look at `tessera status`")]
    Changed(RevisionId),
    #[error(
        "the rollout is being rolled back, and that could not be recorded yet: try again in a moment"
    )]
    Ending,
    #[error("no revision that begins with `{0}` is kept: deploy its file again")]
    NotKept(String),
    #[error("several revisions begin with `{0}`: {1}. Write more digits")]
    Ambiguous(String, String),
    #[error("{0}")]
    Invalid(String),
    /// The state directory can't be written or read.
    #[error("{0:#}")]
    Storage(#[from] anyhow::Error),
}

impl Rollouts {
    /// Begins to roll out a new revision. It is compiled in the background; what became of it is in
    /// the history.
    pub(crate) async fn deploy(
        self: &Arc<Self>,
        id: &str,
        deployment: Deployment,
    ) -> Result<RevisionId, Refused> {
        let component = self.component(id)?;
        let _turn = self.turn.lock().await;
        let mut state = component.state.lock().await;
        self.deploy_in(component, id, &mut state, deployment).await
    }

    async fn deploy_in(
        self: &Arc<Self>,
        component: &Component,
        id: &str,
        state: &mut State,
        deployment: Deployment,
    ) -> Result<RevisionId, Refused> {
        let Deployment { code, origin, plan, cohort, by } = deployment;
        plan.check().map_err(|error| Refused::Invalid(error.to_string()))?;
        if let Some(rollout) = &state.record.rollout {
            return Err(Refused::InProgress(rollout.candidate.clone()));
        }
        let (parts, ingredients) = self.ingredients(&state.record, code).await?;
        let mut record = state.record.clone();
        let (at_ms, salt) = (now_ms(), random());
        let candidate = record.add(parts, at_ms, &by);
        if candidate == state.record.stable {
            return Err(Refused::Unchanged(candidate));
        }
        self.keep_present(component, &state.record).await?;
        record.rollout = Some(Rollout {
            candidate: candidate.clone(),
            plan,
            cohort,
            step: 0,
            waits: false,
            salt,
            began_at_ms: at_ms,
        });
        record.note(at_ms, candidate.clone(), &by, Event::Deployed);
        record.note_origin(origin);
        self.write(id, state, record).await?;
        state.is_ready = false;
        state.ends = None;
        tracing::info!(component = id, revision = %candidate, by, "a rollout begins");
        self.prepare(id.to_owned(), salt, ingredients);
        self.remove_unneeded().await;
        Ok(candidate)
    }

    /// Gives the candidate all calls. `of` is the beginning of its name, if the operator names it.
    pub(crate) async fn promote(
        &self,
        id: &str,
        of: Option<&str>,
        by: &str,
    ) -> Result<RevisionId, Refused> {
        let component = self.component(id)?;
        let _turn = self.turn.lock().await;
        let mut state = component.state.lock().await;
        state.expect(of)?;
        if state.record.rollout.is_none() {
            return Err(Refused::NoRollout);
        }
        if state.ends.is_some() {
            return Err(Refused::Ending);
        }
        if !state.is_ready {
            return Err(Refused::NotReady);
        }
        self.promote_in(component, id, &mut state, by).await?;
        Ok(state.record.stable.clone())
    }

    /// Gives the stable revision all calls, or, if no rollout is in progress, the revision that was
    /// stable before. `of` is the beginning of the name of what is to be replaced: the candidate, or
    /// else the stable revision. Returns the one that has the calls, and whether it has them already.
    pub(crate) async fn roll_back(
        self: &Arc<Self>,
        id: &str,
        of: Option<&str>,
        by: &str,
    ) -> Result<(RevisionId, bool), Refused> {
        let component = self.component(id)?;
        let _turn = self.turn.lock().await;
        let mut state = component.state.lock().await;
        state.expect(of)?;
        if state.record.rollout.is_some() {
            self.roll_back_in(component, id, &mut state, by, None).await?;
            return Ok((state.record.stable.clone(), true));
        }
        let Some(previous) = state.record.previous.clone() else { return Err(Refused::NoPrevious) };
        if !state.has_previous {
            // It was stable before the host was started, so its code has to be loaded first.
            let (code, plan) = (Code::Kept(previous.as_str().to_owned()), Plan::at_once());
            let (cohort, by) = (Cohort::default(), by.to_owned());
            let origin = String::new();
            let deployment = Deployment { code, origin, plan, cohort, by };
            return Ok((self.deploy_in(component, id, &mut state, deployment).await?, false));
        }
        let fits = component.slot.check(Which::Previous);
        fits.map_err(|error| Refused::Invalid(format!("{error:#}")))?;
        let mut record = state.record.clone();
        let replaced = std::mem::replace(&mut record.stable, previous.clone());
        record.previous = Some(replaced.clone());
        record.note(now_ms(), replaced, by, Event::RolledBack { reason: None });
        self.write(id, &mut state, record).await?;
        component.slot.take_back();
        tracing::warn!(component = id, revision = %previous, by, "an earlier revision is back");
        Ok((previous, true))
    }

    pub(super) fn component(&self, id: &str) -> Result<&Component, Refused> {
        self.components.get(id).ok_or_else(|| Refused::NoComponent(id.to_owned()))
    }
}

impl State {
    /// Fails if the revision that an operator means is not the one that would be changed.
    fn expect(&self, of: Option<&str>) -> Result<(), Refused> {
        let rollout = self.record.rollout.as_ref();
        let now = rollout.map_or(&self.record.stable, |rollout| &rollout.candidate);
        match of {
            Some(of) if !now.as_str().starts_with(of) => Err(Refused::Changed(now.clone())),
            _ => Ok(()),
        }
    }
}
