//! The point in time after which a call is abandoned.
//!
//! A deadline is a point on the monotonic clock. No operation moves it later: a callee gets the
//! remaining time of its caller.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// A point in time after which a call is abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

/// The deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has passed")]
pub struct DeadlineError;

/// Longer deadlines are reduced to this, so that the clock does not overflow.
const TIME_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Deadline {
    /// A deadline this far in the future, at most 30 days.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(TIME_MAX))
    }

    /// The time until the deadline; zero if it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    pub fn is_expired(self) -> bool {
        self.0 <= Instant::now()
    }

    /// The deadline on tokio's clock.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Runs a future until the deadline, then drops it.
    ///
    /// # Errors
    /// The deadline passed before the future was ready. If it had passed before, the future was
    /// not polled.
    pub async fn limit<F: Future>(self, work: F) -> Result<F::Output, DeadlineError> {
        if self.is_expired() {
            return Err(DeadlineError);
        }
        tokio::time::timeout_at(self.0, work).await.map_err(|_| DeadlineError)
    }
}
