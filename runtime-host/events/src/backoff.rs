//! The pause before a retry.

use std::time::Duration;

/// Exponential backoff with full jitter: the pause is evenly distributed between 0 and a bound that
/// doubles with each attempt, so that a thousand keys that failed together are not retried together.
/// `Retry-After` of the subscriber is respected up to a separate maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The bound after the first attempt.
    pub base: Duration,
    /// The maximum of the bound.
    pub max: Duration,
    /// The maximum of `Retry-After`.
    pub retry_after_max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(200),
            max: Duration::from_secs(60),
            retry_after_max: Duration::from_secs(300),
        }
    }
}

impl Backoff {
    /// Returns the pause after a number of attempts (from 1). `random` is evenly distributed.
    pub fn pause(&self, attempts: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let bound = self.base.saturating_mul(1 << doublings).min(self.max);
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let jittered = Duration::from_millis(random % bound_ms.saturating_add(1).max(1));
        match retry_after {
            Some(asked) => jittered.max(asked.min(self.retry_after_max)),
            None => jittered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(100),
        max: Duration::from_millis(1_000),
        retry_after_max: Duration::from_secs(10),
    };

    fn longest_ms(attempts: u32) -> u128 {
        let pauses = (0..5_000).map(|random| BACKOFF.pause(attempts, None, random));
        pauses.map(|pause| pause.as_millis()).max().unwrap_or_default()
    }

    #[test]
    fn the_bound_doubles_up_to_its_maximum() {
        assert_eq!(
            [1, 2, 3, 4, 5, 99, u32::MAX].map(longest_ms),
            [100, 200, 400, 800, 1_000, 1_000, 1_000]
        );
    }

    #[test]
    fn jitter_reaches_zero() {
        assert_eq!(BACKOFF.pause(9, None, 0), Duration::ZERO);
    }

    #[test]
    fn retry_after_is_a_lower_bound_and_is_bounded() {
        let pause = |asked_s| BACKOFF.pause(1, Some(Duration::from_secs(asked_s)), 0);
        assert_eq!(pause(3), Duration::from_secs(3));
        assert_eq!(pause(3_600), Duration::from_secs(10));
        assert_eq!(BACKOFF.pause(4, Some(Duration::ZERO), 700), Duration::from_millis(700));
    }
}
