//! What is counted of calls with a policy, for each caller and callee.

use super::declarations::{Declarations, LabelSet, labels};
use super::label_sets::Text;
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
        /// `success`, `failure`, `overload`, `limited` or `ignored`.
        outcome: &'static str,
    }

    /// Labels of answers that were given again.
    AnswerLabels {
        caller: Text<Arc<str>>,
        callee: Text<Arc<str>>,
        /// `fresh`, `stale` or `shared`.
        kind: &'static str,
    }

    /// Labels of calls that were refused.
    RefusalLabels {
        caller: Text<Arc<str>>,
        callee: Text<Arc<str>>,
        /// `circuit-open`, `bulkhead-full`, `queue-timeout` or `deadline-exceeded`.
        reason: &'static str,
    }
}

/// The counters of all edges.
#[derive(Debug)]
pub(super) struct EdgeFamilies {
    attempts: Family<AttemptLabels, Counter>,
    retries: Family<EdgeLabels, Counter>,
    retries_over_budget: Family<EdgeLabels, Counter>,
    hedges: Family<EdgeLabels, Counter>,
    hedges_won: Family<EdgeLabels, Counter>,
    answers: Family<AnswerLabels, Counter>,
    refused: Family<RefusalLabels, Counter>,
    breakers: Family<EdgeLabels, Gauge>,
}

/// The counters of one edge.
#[derive(Debug, Clone)]
pub(crate) struct EdgeCounts {
    pub(crate) successes: Counter,
    pub(crate) failures: Counter,
    pub(crate) overloads: Counter,
    pub(crate) limited: Counter,
    pub(crate) ignored: Counter,
    pub(crate) retries: Counter,
    pub(crate) retries_over_budget: Counter,
    pub(crate) hedges: Counter,
    pub(crate) hedges_won: Counter,
    pub(crate) answers_fresh: Counter,
    pub(crate) answers_stale: Counter,
    pub(crate) answers_shared: Counter,
    pub(crate) circuit_open: Counter,
    pub(crate) bulkhead_full: Counter,
    pub(crate) queue_timeout: Counter,
    pub(crate) deadline_exceeded: Counter,
}

impl EdgeFamilies {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        Self {
            attempts: all.count(
                "policy_attempts",
                "Attempts of calls with a policy; `outcome` is what they say about the callee: \
                 `success`, `failure`, `overload` (it has too many calls), `limited` (it gets too \
                 many from this caller) or `ignored`",
            ),
            retries: all.count("policy_retries", "Calls that were repeated"),
            retries_over_budget: all.count(
                "policy_retries_over_budget",
                "Calls that were not repeated because the budget for retries was used up",
            ),
            hedges: all.count("policy_hedges", "Reads that were made a second time by hedging"),
            hedges_won: all
                .count("policy_hedges_won", "Those of which the second attempt answered first"),
            answers: all.count(
                "policy_answers",
                "Answers that were given again: `fresh` in place of a call, `stale` because a call \
                 failed, or `shared` by equal calls at the same time",
            ),
            refused: all.count(
                "policy_refusals",
                "Calls that were not made; `reason` is `circuit-open`, `bulkhead-full`, \
                 `queue-timeout` (they waited too long for a permit) or `deadline-exceeded`",
            ),
            breakers: all.count(
                "policy_circuit_breaker_state",
                "The state of the circuit breaker: 0 is closed, 1 half-open, 2 open; forced or not",
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
        let answers = |kind| {
            let labels = AnswerLabels { caller: label(caller), callee: label(callee), kind };
            self.answers.get_or_create(&labels).clone()
        };
        let labels = EdgeLabels { caller: label(caller), callee: label(callee) };
        EdgeCounts {
            successes: attempts("success"),
            failures: attempts("failure"),
            overloads: attempts("overload"),
            limited: attempts("limited"),
            ignored: attempts("ignored"),
            retries: self.retries.get_or_create(&labels).clone(),
            retries_over_budget: self.retries_over_budget.get_or_create(&labels).clone(),
            hedges: self.hedges.get_or_create(&labels).clone(),
            hedges_won: self.hedges_won.get_or_create(&labels).clone(),
            answers_fresh: answers("fresh"),
            answers_stale: answers("stale"),
            answers_shared: answers("shared"),
            circuit_open: refused("circuit-open"),
            bulkhead_full: refused("bulkhead-full"),
            queue_timeout: refused("queue-timeout"),
            deadline_exceeded: refused("deadline-exceeded"),
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
            Outcome::Limited => &self.limited,
            Outcome::Ignored => &self.ignored,
        };
        counter.inc();
    }

    /// Calls that were not made.
    pub(crate) fn refused(&self) -> u64 {
        let all =
            [&self.circuit_open, &self.bulkhead_full, &self.queue_timeout, &self.deadline_exceeded];
        all.map(Counter::get).iter().sum()
    }

    /// All attempts.
    pub(crate) fn attempts(&self) -> u64 {
        let all = [&self.successes, &self.failures, &self.overloads, &self.limited, &self.ignored];
        all.map(Counter::get).iter().sum()
    }
}
