//! Which failures of something that is repeated are worth a line in the log.

use std::time::Duration;
use tokio::time::Instant;

/// While something keeps failing, it is logged once in this time.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The failures of one thing that is repeated.
#[derive(Debug, Default)]
pub(super) struct Failures {
    last_logged: Option<Instant>,
    unlogged: u64,
}

impl Failures {
    /// It failed: how many failures were kept back since the last line, if this one is to be logged.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u64> {
        if self.last_logged.is_some_and(|last| now.duration_since(last) < LOG_PAUSE) {
            self.unlogged += 1;
            return None;
        }
        self.last_logged = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }

    /// It went well: the next failure is news.
    pub(super) fn ended(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_once_in_a_while_with_the_number_kept_back() {
        let mut failures = Failures::default();
        let start = Instant::now();
        assert_eq!(failures.failed(start), Some(0));
        assert_eq!(failures.failed(start + LOG_PAUSE / 2), None);
        assert_eq!(failures.failed(start + LOG_PAUSE * 2 / 3), None);
        assert_eq!(failures.failed(start + LOG_PAUSE), Some(2));
        failures.ended();
        assert_eq!(failures.failed(start + LOG_PAUSE * 3 / 2), Some(0));
    }
}
