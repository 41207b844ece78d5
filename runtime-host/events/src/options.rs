//! The limits of the log and of delivery, the clock, and the source of random numbers.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::Backoff;

/// The settings of the log and of delivery. The defaults suit a shop on one machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// The age after which events may be removed.
    pub retention_age_max: Duration,
    /// The size of all events, in bytes, beyond which the oldest may be removed.
    pub retention_bytes_max: u64,
    /// The number of events beyond which the oldest may be removed.
    pub retention_entries_max: u64,
    /// The size of all events, in bytes, beyond which the oldest are removed *even if* they are
    /// pending or dead letters. Lost deliveries are counted.
    pub hard_bytes_max: u64,
    /// The interval between checks of the retention.
    pub retention_interval: Duration,
    /// The maximum size of the database file, in bytes. Beyond it, publishing is
    /// [`Full`](crate::Error::Full).
    pub database_bytes_max: u64,
    /// The maximum number of events in one publication.
    pub publish_events_max: usize,
    /// The maximum size of `data` of an event, in bytes.
    pub data_bytes_max: usize,
    /// The maximum size of all attributes of an event, in bytes.
    pub attributes_bytes_max: usize,
    /// The maximum size of the events in one delivery, in bytes; a single event may be larger.
    pub delivery_bytes_max: usize,
    /// The maximum number of dead letters of one subscription. Beyond it, events that would become
    /// one are retried every [`Backoff::retry_after_max`](crate::Backoff) instead.
    pub dead_letters_max: u64,
    /// The maximum length of the stored response of a subscriber, in bytes; the rest is cut off.
    pub detail_bytes_max: usize,
    /// When to retry.
    pub backoff: Backoff,
    /// The maximum duration of a delivery.
    pub delivery_timeout: Duration,
    /// The maximum number of calls in the queue of the writer, at least 1. Further callers wait.
    pub queue_length_max: usize,
    /// The maximum size of the events of all queued calls, in bytes.
    pub queue_bytes_max: usize,
    /// The maximum number of calls that share one commit, at least 1.
    pub group_operations_max: usize,
    /// The maximum number of connections that read at the same time, at least 1.
    pub readers_max: usize,
    /// How long to wait for a file that another program has locked.
    pub busy_timeout: Duration,
    /// The clock.
    pub clock: Clock,
    /// The source of jitter.
    pub random: RandomSource,
}

const MIB: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Options {
    fn default() -> Self {
        Self {
            retention_age_max: 30 * DAY,
            retention_bytes_max: 4_096 * MIB,
            retention_entries_max: 10_000_000,
            hard_bytes_max: 8_192 * MIB,
            retention_interval: Duration::from_secs(60),
            database_bytes_max: 16_384 * MIB,
            publish_events_max: 100,
            data_bytes_max: tessera_cloudevents::DATA_BYTES_MAX,
            attributes_bytes_max: 16 * 1024,
            delivery_bytes_max: MIB as usize,
            dead_letters_max: 10_000,
            detail_bytes_max: 2_048,
            backoff: Backoff::default(),
            delivery_timeout: Duration::from_secs(60),
            queue_length_max: 1_024,
            queue_bytes_max: 64 * MIB as usize,
            group_operations_max: 256,
            readers_max: 4,
            busy_timeout: Duration::from_secs(5),
            clock: Clock::default(),
            random: RandomSource::default(),
        }
    }
}

/// Milliseconds since the epoch, from the system or from a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// A custom clock.
    pub fn new(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's time, except that it continues if the system's clock is set back. Otherwise,
    /// everything that waits for a time would wait until the system has caught up.
    fn default() -> Self {
        let last = Mutex::new((Instant::now(), Duration::ZERO));
        Self::new(move || {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let instant = Instant::now();
            let counted = last.1 + instant.duration_since(last.0);
            let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            *last = (instant, counted.max(system));
            u64::try_from(last.1.as_millis()).unwrap_or(u64::MAX)
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Evenly distributed numbers, from the system or from a test.
#[derive(Clone)]
pub struct RandomSource(Arc<dyn Fn() -> u64 + Send + Sync>);

impl RandomSource {
    /// A custom source.
    pub fn new(next: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        (self.0)()
    }
}

impl Default for RandomSource {
    /// Seeded by the hasher of the standard library, which exists on every platform: jitter has to
    /// differ between processes, but may be predictable.
    fn default() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let state = RandomState::new();
        let count = std::sync::atomic::AtomicU64::new(0);
        Self::new(move || state.hash_one(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
    }
}

impl fmt::Debug for RandomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomSource")
    }
}
