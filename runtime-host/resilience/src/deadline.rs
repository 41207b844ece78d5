//! Until when an answer is of use.
//!
//! Inside the process a deadline is a point on the monotonic clock; on the wire it is the time
//! that remains, so that the clocks of two machines need not agree. It has no operation that
//! moves it later: a callee gets what is left of its caller's time, never a fresh allowance.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

/// A point in time after which nobody waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

/// The deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has passed")]
pub struct Expired;

/// As good as never, and far from any overflow of the clock: 30 days.
const FAR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Deadline {
    /// So long from now, at most 30 days.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(FAR))
    }

    /// The deadline of a call that arrived with `remaining_ms` on the wire, or with nothing.
    ///
    /// A caller can only ask for less than `time_max`, which is ours.
    pub fn from_wire(remaining_ms: Option<u64>, time_max: Duration) -> Self {
        match remaining_ms {
            Some(ms) => Self::after(time_max.min(Duration::from_millis(ms))),
            None => Self::after(time_max),
        }
    }

    /// What to put on the wire: the whole milliseconds that remain, 0 when it has passed.
    pub fn to_wire(self) -> u64 {
        u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX)
    }

    /// This deadline, or `time` from now if that is earlier.
    #[must_use]
    pub fn shrink_to(self, time: Duration) -> Self {
        self.min(Self::after(time))
    }

    /// The time that is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn is_expired(self) -> bool {
        self.0 <= Instant::now()
    }

    /// The point on tokio's clock.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Resolves when it has passed.
    pub async fn expired(self) {
        tokio::time::sleep_until(self.0).await;
    }

    /// Runs a future until the deadline, then drops it.
    ///
    /// A deadline that has already passed lets nothing start.
    pub async fn limit<F: Future>(self, work: F) -> Result<F::Output, Expired> {
        if self.is_expired() {
            return Err(Expired);
        }
        tokio::time::timeout_at(self.0, work).await.map_err(|_| Expired)
    }
}
