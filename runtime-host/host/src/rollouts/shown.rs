//! Revisions and rollouts, as they are shown.

use super::cohort::Cohort;
use super::controller::{Component, Rollouts, State};
use super::digest::RevisionId;
use super::files::Records;
use super::record::{Entry, Made};
use crate::calls::Example;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tessera_rollout::meter::Observed;
use tessera_rollout::shadow::Copies;

/// One component.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ComponentView {
    pub(crate) id: String,
    pub(crate) stable: RevisionId,
    pub(crate) previous: Option<RevisionId>,
    pub(crate) rollout: Option<RolloutView>,
    /// The oldest first.
    pub(crate) history: Vec<Entry>,
    /// Those that are named here, by their names.
    pub(crate) revisions: Vec<RevisionView>,
}

/// A revision.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RevisionView {
    pub(crate) revision: RevisionId,
    #[serde(flatten)]
    pub(crate) made: Made,
    /// Whether it can be deployed again.
    pub(crate) is_kept: bool,
}

/// A rollout in progress.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RolloutView {
    pub(crate) candidate: RevisionId,
    /// Whether the candidate is compiled and linked.
    pub(crate) is_ready: bool,
    /// Whether it waits for an operator.
    pub(crate) waits: bool,
    pub(crate) share_percent: u8,
    /// The steps in words, and the current one, from 0.
    pub(crate) plan: Vec<String>,
    pub(crate) step: usize,
    pub(crate) step_elapsed_ms: u64,
    pub(crate) cohort: Cohort,
    pub(crate) began_at_ms: u64,
    /// What was measured in this step.
    pub(crate) measured: Compared,
    /// The copies of calls in this step; none if no calls are copied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) copies: Option<CopiesView>,
}

/// Copies of calls, whose answers are compared.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CopiesView {
    #[serde(flatten)]
    pub(crate) counts: Copies,
    /// The latest mismatches, the oldest first.
    pub(crate) examples: Vec<Example>,
}

/// Both revisions over the same time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Compared {
    pub(crate) stable: Measured,
    pub(crate) candidate: Measured,
}

/// One revision.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) latency_p50_ms: Option<f64>,
    pub(crate) latency_p95_ms: Option<f64>,
    pub(crate) memory_bytes: u64,
}

impl Rollouts {
    /// All components, by their ids.
    pub(crate) async fn views(&self) -> Vec<ComponentView> {
        let mut views = Vec::new();
        for (id, component) in &self.components {
            views.push(view(id, component, &self.records).await);
        }
        views
    }
}

async fn view(id: &str, component: &Component, records: &Records) -> ComponentView {
    let state = component.state.lock().await;
    ComponentView {
        id: id.to_owned(),
        stable: state.record.stable.clone(),
        previous: state.record.previous.clone(),
        rollout: rollout(&state, component),
        history: state.record.history.clone(),
        revisions: revisions(&state, records),
    }
}

fn revisions(state: &State, records: &Records) -> Vec<RevisionView> {
    let kept = state.record.kept();
    let shown = |(revision, made): (&RevisionId, &Made)| RevisionView {
        revision: revision.clone(),
        made: made.clone(),
        is_kept: kept.contains(revision) && records.has(&made.parts),
    };
    state.record.revisions.iter().map(shown).collect()
}

fn rollout(state: &State, component: &Component) -> Option<RolloutView> {
    let rollout = state.record.rollout.as_ref()?;
    let share_percent = rollout.plan.share_percent(rollout.step);
    let elapsed = if state.is_ready { state.step_began.elapsed() } else { Duration::ZERO };
    let [stable, candidate] = state.compared.each_ref().map(measured);
    Some(RolloutView {
        candidate: rollout.candidate.clone(),
        is_ready: state.is_ready,
        waits: rollout.waits,
        share_percent: if state.is_ready { share_percent } else { 0 },
        plan: rollout.plan.lines(),
        step: rollout.step,
        step_elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        cohort: rollout.cohort.clone(),
        began_at_ms: rollout.began_at_ms,
        measured: Compared { stable, candidate },
        copies: component.slot.copies().map(|(counts, examples)| CopiesView { counts, examples }),
    })
}

fn measured(observed: &Observed) -> Measured {
    let of = |share: f64| {
        let rank = (observed.calls as f64 * share).ceil() as u64;
        observed.latency_of_rank(rank).map(|time| time.as_secs_f64() * 1e3)
    };
    Measured {
        calls: observed.calls,
        failures: observed.failures,
        latency_p50_ms: of(0.5),
        latency_p95_ms: of(0.95),
        memory_bytes: observed.memory_bytes,
    }
}
