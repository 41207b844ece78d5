//! When a call is tried again: exponential backoff with full jitter.
//!
//! Callers that failed together must not come back together. So the pause before an attempt is any
//! time up to a limit, which doubles with each attempt ("full jitter").

use std::time::Duration;

/// How often, and with which pauses, a call is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Attempts in all, with the first one. 1: no retries.
    pub attempts_max: u32,
    /// The longest pause before the second attempt. Doubles with each attempt.
    pub backoff: Duration,
    /// The longest pause before any attempt.
    pub backoff_max: Duration,
    /// If the callee asks for a longer pause than this, the call is not tried again.
    pub retry_after_max: Duration,
}

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Attempts so far, at least 1.
    pub attempts: u32,
    /// The pause that the callee asks for.
    pub retry_after: Option<Duration>,
    /// The time until the deadline of the call.
    pub remaining: Duration,
    /// How long a successful attempt usually takes.
    pub expected: Duration,
}

impl Options {
    /// The pause before the next attempt. `None` if there must be no other one: all attempts are
    /// used, or the next one would not end before the deadline.
    pub fn pause(&self, failed: Failed, random: u64) -> Option<Duration> {
        if failed.attempts >= self.attempts_max {
            return None;
        }
        let asked = failed.retry_after.unwrap_or_default();
        if asked > self.retry_after_max {
            return None;
        }
        // What the callee asks for is a minimum, above which callers are spread all the same.
        let pause = asked + self.limit(failed.attempts).mul_f64(fraction(random));
        (pause + failed.expected < failed.remaining).then_some(pause)
    }

    /// The longest pause after this number of attempts.
    fn limit(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.backoff.saturating_mul(1 << doublings).min(self.backoff_max)
    }
}

/// A number from 0 to 1.
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const OPTIONS: Options = Options {
        attempts_max: 4,
        backoff: Duration::from_millis(10),
        backoff_max: Duration::from_millis(25),
        retry_after_max: Duration::from_secs(5),
    };
    const FAILED: Failed = Failed {
        attempts: 1,
        retry_after: None,
        remaining: Duration::from_secs(10),
        expected: Duration::ZERO,
    };

    fn longest(attempts: u32) -> Option<Duration> {
        let pause = OPTIONS.pause(Failed { attempts, ..FAILED }, u64::MAX)?;
        Some(Duration::from_micros(pause.as_micros() as u64 + 1))
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_attempts_end() {
        let longest: Vec<_> =
            (1..6).map(|attempts| longest(attempts).map(|it| it.as_millis())).collect();
        assert_eq!(longest, [Some(10), Some(20), Some(25), None, None]);
    }

    #[test]
    fn a_pause_is_any_time_up_to_the_limit() {
        assert_eq!(OPTIONS.pause(FAILED, 0), Some(Duration::ZERO));
        assert_eq!(OPTIONS.pause(FAILED, 1 << 63), Some(5 * MS));
    }

    #[test]
    fn the_pause_that_the_callee_asks_for_is_a_minimum() {
        let asked = |ms| Failed { retry_after: Some(ms * MS), ..FAILED };
        assert_eq!(OPTIONS.pause(asked(2_000), 0), Some(2_000 * MS));
        assert_eq!(OPTIONS.pause(asked(2_000), 1 << 63), Some(2_005 * MS));
        assert_eq!(OPTIONS.pause(asked(5_001), 0), None, "too long");
    }

    #[test]
    fn no_attempt_starts_that_would_end_after_the_deadline() {
        let failed = Failed { remaining: 40 * MS, expected: 35 * MS, ..FAILED };
        assert_eq!(OPTIONS.pause(failed, 0), Some(Duration::ZERO));
        assert_eq!(OPTIONS.pause(failed, u64::MAX), None);
        assert_eq!(OPTIONS.pause(Failed { remaining: 35 * MS, ..failed }, 0), None);
    }
}
