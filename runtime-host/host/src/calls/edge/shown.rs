//! The state of an edge, as it is shown.

use super::Edge;
use serde::Serialize;
use std::sync::Arc;
use tessera_resilience::breaker::State;

/// The state of an edge.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EdgeView {
    pub(crate) caller: Arc<str>,
    pub(crate) callee: Arc<str>,
    /// The functions of the entry in the manifest; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    functions: Vec<String>,
    policy: String,
    /// `closed`, `open`, `half-open`, `forced-open` or `forced-closed`; `None` without a breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) breaker: Option<&'static str>,
    /// Calls with a permit of the bulkhead, and those that wait for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    bulkhead: Option<BulkheadView>,
    attempts: u64,
    failures: u64,
    retries: u64,
    /// Second attempts before an answer.
    hedges: u64,
    /// Answers that were given again; missing if the policy keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<AnswersView>,
    /// Calls that the policy refused.
    refused: u64,
}

#[derive(Debug, Clone, Serialize)]
struct BulkheadView {
    running: usize,
    queued: usize,
}

#[derive(Debug, Clone, Serialize)]
struct AnswersView {
    /// Kept ones in place of a call.
    fresh: u64,
    /// Old ones because a call failed.
    stale: u64,
    /// Those of equal calls at the same time.
    shared: u64,
}

impl Edge {
    pub(crate) fn view(&self) -> EdgeView {
        let counts = &self.counts;
        EdgeView {
            caller: self.caller.clone(),
            callee: self.callee.clone(),
            functions: self.functions.clone(),
            policy: self.policy.name.clone(),
            breaker: self.breaker_state().map(name),
            bulkhead: self.bulkhead.as_ref().map(|bulkhead| BulkheadView {
                running: bulkhead.running(),
                queued: bulkhead.queued(),
            }),
            attempts: counts.attempts(),
            failures: counts.failures.get(),
            retries: counts.retries.get(),
            hedges: counts.hedges.get(),
            answers: self.answers.as_ref().map(|_| AnswersView {
                fresh: counts.answers_fresh.get(),
                stale: counts.answers_stale.get(),
                shared: counts.answers_shared.get(),
            }),
            refused: counts.refused(),
        }
    }
}

impl EdgeView {
    /// The order in which edges are shown.
    pub(super) fn key(&self) -> impl Ord + use<> {
        (self.caller.clone(), self.callee.clone(), self.functions.clone())
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half-open",
        State::ForcedOpen => "forced-open",
        State::Disabled => "forced-closed",
    }
}
