//! What is measured of a revision while it is compared with another one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets of a power of two. A latency is known to 1/8 of itself.
const BUCKETS_PER_OCTAVE: usize = 8;
/// Latencies of up to 2^32 µs, more than an hour, are distinguished.
const OCTAVES: usize = 32;
const BUCKETS: usize = OCTAVES * BUCKETS_PER_OCTAVE;
const OCTAVE_BITS: u32 = BUCKETS_PER_OCTAVE.trailing_zeros();

/// Counts calls of a revision. All threads share it.
#[derive(Debug)]
pub struct Meter {
    failures: AtomicU64,
    memory_bytes: AtomicU64,
    latencies: Box<[AtomicU64]>,
}

/// What was measured in a time span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Calls that ended, failed ones included.
    pub calls: u64,
    /// Those that failed: with a status of 500 or above, a trap, a timeout, no answer.
    pub failures: u64,
    /// The largest memory of an instance, in bytes, after one of these calls.
    pub memory_bytes: u64,
    latencies: Box<[u64]>,
}

impl Default for Meter {
    fn default() -> Self {
        let (failures, memory_bytes) = Default::default();
        let latencies = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { failures, memory_bytes, latencies }
    }
}

impl Meter {
    /// A call has ended.
    pub fn ended(&self, latency: Duration, failed: bool) {
        if let Some(bucket) = self.latencies.get(bucket_of(latency)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.failures.fetch_add(u64::from(failed), Relaxed);
    }

    /// An instance has this memory after a call.
    pub fn uses_memory(&self, bytes: u64) {
        self.memory_bytes.fetch_max(bytes, Relaxed);
    }

    /// What was measured since the last time that this was asked.
    pub fn take(&self) -> Observed {
        let latencies: Box<[u64]> =
            self.latencies.iter().map(|bucket| bucket.swap(0, Relaxed)).collect();
        Observed {
            calls: latencies.iter().sum(),
            failures: self.failures.swap(0, Relaxed),
            memory_bytes: self.memory_bytes.swap(0, Relaxed),
            latencies,
        }
    }
}

impl Default for Observed {
    fn default() -> Self {
        Self { calls: 0, failures: 0, memory_bytes: 0, latencies: [0; BUCKETS].into() }
    }
}

impl Observed {
    /// Adds what was measured later.
    pub fn add(&mut self, later: &Self) {
        self.calls += later.calls;
        self.failures += later.failures;
        self.memory_bytes = self.memory_bytes.max(later.memory_bytes);
        for (sum, more) in self.latencies.iter_mut().zip(&later.latencies) {
            *sum += more;
        }
    }

    /// The latency of the call with this rank, from 1 for the fastest one: the upper limit of its
    /// bucket. `None` if there were fewer calls.
    #[must_use]
    pub fn latency_of_rank(&self, rank: u64) -> Option<Duration> {
        let mut seen = 0;
        let bucket = self.latencies.iter().position(|calls| {
            seen += calls;
            rank > 0 && seen >= rank
        })?;
        Some(upper_limit(bucket))
    }
}

/// The bucket of a latency: small ones have their own, others share one with those that begin with
/// the same bits.
fn bucket_of(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    let octave = (u64::BITS - micros.leading_zeros()).saturating_sub(OCTAVE_BITS + 1);
    let index = octave as usize * BUCKETS_PER_OCTAVE + (micros >> octave) as usize;
    index.min(BUCKETS - 1)
}

fn upper_limit(bucket: usize) -> Duration {
    let octave = (bucket / BUCKETS_PER_OCTAVE).saturating_sub(1);
    let begin = bucket - octave * BUCKETS_PER_OCTAVE;
    Duration::from_micros((begin as u64 + 1) << octave)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_latency_is_known_to_an_eighth(micros in 1_u64..1 << 31) {
            let meter = Meter::default();
            meter.ended(Duration::from_micros(micros), false);
            let shown = meter.take().latency_of_rank(1).unwrap().as_micros() as u64;
            prop_assert!(shown > micros && shown <= micros + micros / 8 + 1, "{shown} for {micros}");
        }
    }

    #[test]
    fn ranks_count_from_the_fastest_call() {
        let meter = Meter::default();
        for micros in [5, 1, 3] {
            meter.ended(Duration::from_micros(micros), micros == 5);
        }
        let observed = meter.take();
        let rank = |rank| observed.latency_of_rank(rank).map(|time| time.as_micros());
        assert_eq!([rank(1), rank(2), rank(3)], [Some(2), Some(4), Some(6)]);
        assert_eq!([rank(0), rank(4)], [None, None]);
        assert_eq!((observed.calls, observed.failures), (3, 1));
        assert_eq!(meter.take(), Observed::default());
    }

    #[test]
    fn measurements_add_up() {
        let meter = Meter::default();
        let mut sum = Observed::default();
        for (micros, bytes) in [(1, 10), (1_000, 5)] {
            meter.ended(Duration::from_micros(micros), true);
            meter.uses_memory(bytes);
            sum.add(&meter.take());
        }
        assert_eq!((sum.calls, sum.failures, sum.memory_bytes), (2, 2, 10));
        assert!(sum.latency_of_rank(2).unwrap() > Duration::from_micros(1_000));
    }

    #[test]
    fn very_long_latencies_are_counted() {
        let meter = Meter::default();
        meter.ended(Duration::MAX, false);
        assert_eq!(meter.take().calls, 1);
    }
}
