//! Time limits for receiving a body.
//!
//! There are three limits: for a pause, for the delay relative to the minimum rate, and for the
//! total wait. Only time in which the host waits for the client counts, not time in which a
//! component does not read.

use super::limits::FrontLimits;
use super::timer::Timer;
use crate::telemetry::FrontLimit;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The time limits of a body.
#[derive(Debug, Clone, Copy)]
struct Limits {
    total: Duration,
    grace: Duration,
    rate_min_bytes: u64,
}

impl Limits {
    /// How long the next wait may be, and the limit that ends it, given the received bytes and the
    /// time so far.
    fn next_wait(&self, bytes: u64, waited: Duration) -> (Duration, FrontLimit) {
        let at_least_rate = Duration::from_secs_f64(bytes as f64 / self.rate_min_bytes as f64);
        let behind = (self.grace + at_least_rate).saturating_sub(waited);
        let mut next = (self.total.saturating_sub(waited), FrontLimit::BodyTimeout);
        for other in [(self.grace, FrontLimit::BodyGrace), (behind, FrontLimit::BodyRate)] {
            if other.0 < next.0 {
                next = other;
            }
        }
        next
    }
}

/// The progress of a body.
///
/// Most bodies are already available or arrive in one chunk.
pub(super) struct Pace {
    limits: Limits,
    bytes: u64,
    waited: Duration,
    /// When the current wait began, if any.
    since: Option<Instant>,
    timer: Timer,
}

impl Pace {
    pub(super) fn new(limits: &FrontLimits) -> Self {
        let limits = Limits {
            total: limits.body_timeout(),
            grace: limits.body_grace(),
            rate_min_bytes: limits.body_rate_min,
        };
        Self { limits, bytes: 0, waited: Duration::ZERO, since: None, timer: Timer::default() }
    }

    /// Count received bytes.
    pub(super) fn arrived(&mut self, bytes: u64) {
        self.bytes += bytes;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Called when no data is available. Ready with the exceeded limit when the client has taken
    /// too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<FrontLimit> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let (wait, limit) = self.limits.next_wait(self.bytes, self.waited);
        self.timer.poll(cx, since + wait).map(|()| limit)
    }

    /// The progress, for messages.
    pub(super) fn describe(&self) -> String {
        let waited = self.waited + self.since.map(|since| since.elapsed()).unwrap_or_default();
        format!("received {} bytes of it in {} ms", self.bytes, waited.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        total: Duration::from_secs(120),
        grace: Duration::from_secs(10),
        rate_min_bytes: 1_000,
    };

    #[test]
    fn a_wait_is_limited_by_grace_rate_and_total_time() {
        for (bytes, waited_s, expected) in [
            (0, 0, (10, FrontLimit::BodyGrace)),
            (1_000_000, 0, (10, FrontLimit::BodyGrace)),
            (0, 7, (3, FrontLimit::BodyRate)),
            (5_000, 7, (8, FrontLimit::BodyRate)),
            (5_000, 15, (0, FrontLimit::BodyRate)),
            (5_000, 16, (0, FrontLimit::BodyRate)),
            (1_000_000, 118, (2, FrontLimit::BodyTimeout)),
            (1_000_000, 120, (0, FrontLimit::BodyTimeout)),
        ] {
            let (wait, limit) = LIMITS.next_wait(bytes, Duration::from_secs(waited_s));
            assert_eq!((wait.as_secs(), limit), expected, "{bytes} bytes, {waited_s} s");
        }
    }
}
