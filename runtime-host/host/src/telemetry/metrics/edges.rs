//! What is counted of calls with a policy, for each caller and callee.

use super::Text;
use super::declarations::{Declarations, LabelSet, labels};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use tessera_resilience::breaker::Outcome;

labels! {
    /// Labels of calls with a policy.
    EdgeLabels {
        caller: Text<Arc<str>>,
        callee: Text<Arc<str>>,
    }

    /// Labels of the attempts of such calls.
    AttemptLabels {
        caller: Text<Arc<str>>,
        callee: Text<Arc<str>>,
        /// `success`, `failure`, `overload` or `ignored`.
        outcome: &'static str,
    }

    /// Labels of calls that were refused.
    RefusalLabels {
        caller: Text<Arc<str>>,
        callee: Text<Arc<str>>,
        /// `circuit-open` or `bulkhead-full`.
        reason: &'static str,
    }
}

/// The counters of all edges.
#[derive(Debug)]
pub(super) struct EdgeFamilies {
    attempts: Family<AttemptLabels, Counter>,
    retries: Family<EdgeLabels, Counter>,
    retries_over_budget: Family<EdgeLabels, Counter>,
    refused: Family<RefusalLabels, Counter>,
    breakers: Family<EdgeLabels, Gauge>,
}

/// The counters of one edge.
#[derive(Debug, Clone)]
pub(crate) struct EdgeCounts {
    pub(crate) successes: Counter,
    pub(crate) failures: Counter,
    pub(crate) overloads: Counter,
    pub(crate) ignored: Counter,
    pub(crate) retries: Counter,
    pub(crate) retries_over_budget: Counter,
    pub(crate) circuit_open: Counter,
    pub(crate) bulkhead_full: Counter,
}

impl EdgeFamilies {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        Self {
            attempts: all.count(
                "policy_attempts",
                "Attempts of calls with a policy; `outcome` is what they say about the callee: \
                 `success`, `failure`, `overload` or `ignored`",
            ),
            retries: all.count("policy_retries", "Calls that were repeated"),
            retries_over_budget: all.count(
                "policy_retries_over_budget",
                "Calls that were not repeated because the budget for retries was used up",
            ),
            refused: all.count(
                "policy_refusals",
                "Calls that a policy refused; `reason` is `circuit-open` or `bulkhead-full`",
            ),
            breakers: all.count(
                "policy_circuit_breaker_state",
                "The state of the circuit breaker: 0 is closed, 1 half-open, 2 open",
            ),
        }
    }

    pub(super) fn of(&self, caller: &Arc<str>, callee: &Arc<str>) -> EdgeCounts {
        let label = |name: &Arc<str>| Text(name.clone());
        let attempts = |outcome| {
            let labels = AttemptLabels { caller: label(caller), callee: label(callee), outcome };
            self.attempts.get_or_create(&labels).clone()
        };
        let refused = |reason| {
            let labels = RefusalLabels { caller: label(caller), callee: label(callee), reason };
            self.refused.get_or_create(&labels).clone()
        };
        let labels = EdgeLabels { caller: label(caller), callee: label(callee) };
        EdgeCounts {
            successes: attempts("success"),
            failures: attempts("failure"),
            overloads: attempts("overload"),
            ignored: attempts("ignored"),
            retries: self.retries.get_or_create(&labels).clone(),
            retries_over_budget: self.retries_over_budget.get_or_create(&labels).clone(),
            circuit_open: refused("circuit-open"),
            bulkhead_full: refused("bulkhead-full"),
        }
    }

    pub(super) fn breaker(&self, caller: &Arc<str>, callee: &Arc<str>, state: &str) {
        let labels = EdgeLabels { caller: Text(caller.clone()), callee: Text(callee.clone()) };
        let value = match state {
            "open" | "forced-open" => 2,
            "half-open" => 1,
            _ => 0,
        };
        self.breakers.get_or_create(&labels).set(value);
    }
}

impl EdgeCounts {
    pub(crate) fn attempt(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Success => &self.successes,
            Outcome::Failure => &self.failures,
            Outcome::Overload => &self.overloads,
            Outcome::Ignored => &self.ignored,
        };
        counter.inc();
    }

    /// All attempts.
    pub(crate) fn attempts(&self) -> u64 {
        let all = [&self.successes, &self.failures, &self.overloads, &self.ignored];
        all.map(Counter::get).iter().sum()
    }
}
