//! A policy, in the units of the host.

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
    pub(crate) breaker: Option<breaker::Options>,
    pub(crate) bulkhead: Option<bulkhead::Options>,
}

/// When a failed call is repeated, and how many may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) pauses: retry::Options,
    pub(crate) budget: budget::Options,
}
