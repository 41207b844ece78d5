//! The tables of a policy: `[application.tool.tessera.policies.<name>]`.

use crate::keys::{Number, keys, numbers};

/// The policy of calls that have no other one.
pub const DEFAULT_POLICY: &str = "default";
/// Maximum number of policies.
pub(crate) const POLICIES_MAX: usize = 64;

/// The time of one attempt.
pub(crate) const TIMEOUT_MS: Number = Number::new("timeout_ms", 1..=3_600_000, "ms", None, "");

keys! {
    /// The keys of a policy.
    POLICY {
        /// The time of one attempt. The deadline of the call holds, too: it is never extended.
        TIMEOUT: Value("timeout_ms", "1 to 3,600,000 ms", "the time until the deadline");
        /// Repeats failed calls; see [below](#retry). An empty table has the defaults.
        RETRY: Value("retry", "a table", "no retries");
        /// Makes a read a second time if its answer is late; see [below](#hedge). An empty table
        /// has the defaults.
        HEDGE: Value("hedge", "a table", "no hedging");
        /// Stops calling a callee that fails; see [below](#breaker).
        BREAKER: Value("breaker", "a table", "no breaker");
        /// Limits concurrent calls; see [below](#bulkhead).
        BULKHEAD: Value("bulkhead", "a table", "the limits of the callee alone");
        /// Keeps answers for later calls; see [below](#cache).
        CACHE: Value("cache", "a table", "each call is made");
    }
}

numbers! {
    /// When a failed call is repeated.
    Retry,
    /// The keys of `retry`.
    RETRY_KEYS {
        /// Attempts in all, with the first one.
        attempts_max: 2..=10, "attempts", 3;
        /// The longest pause before the second attempt. It doubles with each attempt. The actual
        /// pause is any time up to it, so that callers do not repeat their calls together.
        backoff_ms: 1..=60_000, "ms", 25;
        /// The longest pause before any attempt.
        backoff_max_ms: 1..=3_600_000, "ms", 1_000;
        /// If the callee asks for a longer pause than this (`retry-after`), the call is not
        /// repeated.
        retry_after_max_ms: 0..=3_600_000, "ms", 5_000;
        /// Retries per 100 calls, over the last ten seconds.
        budget_percent: 0..=1_000, "retries", 20;
        /// Retries per second that are allowed in any case.
        budget_min_per_second: 0..=10_000, "retries", 10;
    }
}

numbers! {
    /// When a read is made a second time before its answer.
    Hedge,
    /// The keys of `hedge`.
    HEDGE_KEYS {
        /// The time without an answer after which the second attempt begins. Most calls should
        /// have answered before.
        delay_ms: 1..=3_600_000, "ms", 100;
    }
}

numbers! {
    /// When a callee is no longer called.
    Breaker,
    /// The keys of `breaker`.
    BREAKER_KEYS {
        /// Opens after this many failures without a success between them; 0: not by this rule.
        consecutive_failures: 0..=10_000, "failures", 10;
        /// Opens when this share of the calls in the window failed; 0: not by this rule.
        failure_percent: 0..=100, "%", 50;
        /// The calls in the window that `failure_percent` needs.
        calls_min: 1..=100_000, "calls", 20;
        /// The window of `failure_percent`.
        window_ms: 100..=3_600_000, "ms", 10_000;
        /// How long it is open the first time. Doubles each time it opens again, with a random
        /// part of up to a quarter.
        open_ms: 10..=3_600_000, "ms", 1_000;
        /// The longest time for which it is open.
        open_max_ms: 10..=86_400_000, "ms", 60_000;
        /// Concurrent calls that are let through when it is half-open, and the successes that
        /// close it.
        probes: 1..=1_000, "calls", 1;
    }
}

numbers! {
    /// How many calls run at the same time.
    Concurrency,
    /// The keys of `bulkhead`.
    BULKHEAD_KEYS {
        /// Concurrent calls.
        concurrency_max: 1..=100_000, "calls", 32;
        /// Calls that wait for a permit. With 0, calls do not wait.
        queue_length_max: 0..=1_000_000, "calls", 32;
    }
}

numbers! {
    /// Which answers are kept for later calls.
    Cache,
    /// The keys of `cache`.
    CACHE_KEYS {
        /// The longest time for which an answer is given in place of a call. With 0, answers are
        /// only kept for calls that fail.
        age_max_ms: 0..=86_400_000, "ms", 1_000;
        /// The longest time after that for which it is given if a call fails.
        stale_max_ms: 0..=86_400_000, "ms", 0;
        /// Memory for the answers of one caller and callee. The least recently used ones make room.
        size_max_kib: 1..=1_048_576, "KiB", 1_024;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;
    use crate::keys::application::POLICIES;

    #[test]
    fn the_values_name_the_maximum() {
        assert!(POLICIES.values.contains(&format!("up to {POLICIES_MAX} ")));
        assert!(TIMEOUT.values.starts_with("1 to 3,600,000 "));
        assert_eq!(TIMEOUT_MS.range, 1..=3_600_000);
        assert_eq!(TIMEOUT_MS.name, TIMEOUT.name);
    }

    #[test]
    fn defaults_are_in_their_ranges() {
        for key in [RETRY_KEYS, HEDGE_KEYS, BREAKER_KEYS, BULKHEAD_KEYS, CACHE_KEYS].concat() {
            let Key::Number(number) = key else { panic!("{} is not a number", key.name()) };
            assert!(number.default.is_some_and(|default| number.range.contains(&default)));
        }
    }
}
