//! A policy, in the units of the host.

use super::AnswerOptions;
use std::time::Duration;
use tessera_resilience::{breaker, budget, bulkhead, retry};

/// What applies to calls of one callee.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// Its name in the manifest.
    pub(crate) name: String,
    /// The time of one attempt.
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) hedge: Option<Hedge>,
    pub(crate) breaker: Option<breaker::Options>,
    pub(crate) bulkhead: Option<bulkhead::Options>,
    pub(crate) answers: Option<AnswerOptions>,
}

/// When a read is made a second time before its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hedge {
    pub(crate) delay: Duration,
    /// That of retries, if there are any.
    pub(crate) budget: budget::Options,
}

impl Policy {
    /// How many attempts there may be in addition.
    pub(super) fn budget(&self) -> Option<budget::Options> {
        let hedges = || self.hedge.map(|hedge| hedge.budget);
        self.retry.map(|retry| retry.budget).or_else(hedges)
    }
}

/// When a failed call is repeated, and how many may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) pauses: retry::Options,
    pub(crate) budget: budget::Options,
}
