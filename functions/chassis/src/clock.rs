//! Wall-clock time, read once at the edge of a use case and passed in as a value.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time, as a port of a function. Clones are the same clock. In tests,
/// `chassis::testing::ManualClock`.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

/// A clock that can also wait.
pub trait Timer: Clock {
    /// Waits for this many milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;
}

/// The clock of the host. It is a [`Timer`] in components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        now_ms()
    }
}

#[cfg(target_family = "wasm")]
impl Timer for SystemClock {
    async fn sleep(&self, ms: u64) {
        spin_sdk::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Milliseconds since the Unix epoch, now. 0 if the clock is set to a time before the epoch.
pub fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// The last instant that RFC 3339 can write: the end of the year 9999.
const LATEST_MS: u64 = 253_402_300_799_999;

/// RFC 3339 in UTC with milliseconds, as `2026-01-31T12:00:00.000Z`.
/// Later than the year 9999 is written as its last instant.
pub fn rfc3339(ms: u64) -> String {
    let instant = UNIX_EPOCH + Duration::from_millis(ms.min(LATEST_MS));
    humantime::format_rfc3339_millis(instant).to_string()
}

/// Milliseconds since the epoch of an RFC 3339 time in UTC (`…Z`), if it is one.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let since_epoch = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_as_written() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(parse_rfc3339("2024-02-29T12:34:56.789Z"), Some(1_709_210_096_789));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn an_absurd_time_is_clamped_not_a_panic() {
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
