//! Counts over the last seconds.
//!
//! A window of time is divided into buckets, which are forgotten one by one as they become too old.
//! Counts are exact, so a burst is visible as such; a moving average would hide it.

use std::time::Duration;

/// A window forgets in steps of a tenth of its length.
const BUCKETS: usize = 10;

/// Counts of `KINDS` kinds of things. Times are those of one clock that never goes back.
#[derive(Debug, Clone)]
pub(crate) struct Window<const KINDS: usize> {
    step: Duration,
    buckets: [[u32; KINDS]; BUCKETS],
    /// The number of the newest bucket since the start of the clock.
    newest: u64,
}

impl<const KINDS: usize> Window<KINDS> {
    /// An empty window of this length, at least 10 ns.
    pub(crate) fn new(length: Duration) -> Self {
        let step = (length / BUCKETS as u32).max(Duration::from_nanos(1));
        Self { step, buckets: [[0; KINDS]; BUCKETS], newest: 0 }
    }

    /// Counts one thing of this kind.
    pub(crate) fn add(&mut self, kind: usize, now: Duration) {
        let bucket = self.forget(now);
        if let Some(count) = self.buckets[bucket].get_mut(kind) {
            *count = count.saturating_add(1);
        }
    }

    /// The counts within the window.
    pub(crate) fn sums(&mut self, now: Duration) -> [u64; KINDS] {
        self.forget(now);
        let mut sums = [0; KINDS];
        for bucket in &self.buckets {
            for (sum, count) in sums.iter_mut().zip(bucket) {
                *sum += u64::from(*count);
            }
        }
        sums
    }

    pub(crate) fn clear(&mut self) {
        self.buckets = [[0; KINDS]; BUCKETS];
    }

    /// Clears the buckets that are too old, and returns the index of the newest one.
    fn forget(&mut self, now: Duration) -> usize {
        let number = (now.as_nanos() / self.step.as_nanos()) as u64;
        let passed = number.saturating_sub(self.newest).min(BUCKETS as u64);
        self.newest = self.newest.max(number);
        for age in 0..passed {
            self.buckets[index(self.newest - age)] = [0; KINDS];
        }
        index(self.newest)
    }
}

fn index(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn counts_leave_the_window_when_they_are_too_old() {
        let mut window = Window::<2>::new(at(1_000));
        window.add(0, at(5_000));
        window.add(1, at(5_050));
        window.add(1, at(5_500));
        assert_eq!(window.sums(at(5_999)), [1, 2]);
        assert_eq!(window.sums(at(6_000)), [0, 1]);
        assert_eq!(window.sums(at(6_499)), [0, 1]);
        assert_eq!(window.sums(at(6_500)), [0, 0]);
    }

    #[test]
    fn a_long_pause_empties_the_window() {
        let mut window = Window::<1>::new(at(1_000));
        window.add(0, at(100));
        assert_eq!(window.sums(at(86_400_100)), [0]);
    }

    #[test]
    fn a_time_before_the_last_one_counts_as_the_last_one() {
        let mut window = Window::<1>::new(at(1_000));
        window.add(0, at(5_000));
        window.add(0, at(3_000));
        assert_eq!(window.sums(at(5_000)), [2]);
    }
}
