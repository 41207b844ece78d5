//! A clock that a test sets.

use crate::clock::{Clock, Timer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A clock that stands still until it is set. Clones share their time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    now_ms: Arc<AtomicU64>,
    read_ms: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock at this time, in milliseconds since the epoch.
    pub fn new(now_ms: u64) -> Self {
        let clock = Self::default();
        clock.set(now_ms);
        clock
    }

    /// Sets the time.
    pub fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, SeqCst);
    }

    /// Lets this many milliseconds pass.
    pub fn advance(&self, ms: u64) {
        self.now_ms.fetch_add(ms, SeqCst);
    }

    /// From now on, this many milliseconds pass after each look at the clock.
    pub fn advance_on_read(&self, ms: u64) {
        self.read_ms.store(ms, SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.fetch_add(self.read_ms.load(SeqCst), SeqCst)
    }
}

/// The time passes at once, and other tasks run.
impl Timer for ManualClock {
    async fn sleep(&self, ms: u64) {
        self.advance(ms);
        super::yield_once().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn time_passes_only_on_command() {
        let clock = ManualClock::new(5);
        let same = clock.clone();
        same.advance(2);
        assert_eq!((clock.now_ms(), clock.now_ms()), (7, 7));
        clock.sleep(10).await;
        assert_eq!(same.now_ms(), 17);
        clock.advance_on_read(3);
        assert_eq!((same.now_ms(), same.now_ms()), (17, 20));
        clock.advance_on_read(0);
        clock.set(1);
        assert_eq!(same.now_ms(), 1);
    }
}
