//! The limits of the log and of delivery, and where time and chance come from.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::Backoff;

/// How log and delivery work. The defaults suit a shop on one machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Events older than this may be removed.
    pub retention_age_max: Duration,
    /// Beyond this many bytes of events the oldest may be removed.
    pub retention_bytes_max: u64,
    /// Beyond this many events the oldest may be removed.
    pub retention_entries_max: u64,
    /// Beyond this many bytes of events the oldest are removed *even if* a subscription has not
    /// had them or they are dead letters; each delivery lost is counted.
    pub hard_bytes_max: u64,
    /// How often retention is looked at.
    pub retention_interval: Duration,
    /// Size of the database file in bytes; beyond it publishing is [`Full`](crate::Error::Full).
    pub database_bytes_max: u64,
    /// Events in one publication.
    pub publish_events_max: usize,
    /// `data` of an event, in bytes.
    pub data_bytes_max: usize,
    /// Attributes of an event together, in bytes.
    pub attributes_bytes_max: usize,
    /// Events in one delivery, in bytes; a single event may be larger.
    pub delivery_bytes_max: usize,
    /// The maximum number of dead letters of one subscription. Beyond it, events that would become
    /// one are retried every [`Backoff::retry_after_max`](crate::Backoff) instead.
    pub dead_letters_max: u64,
    /// What a subscriber said last, in bytes; the rest is cut off.
    pub detail_bytes_max: usize,
    /// When to try again.
    pub backoff: Backoff,
    /// A delivery without an answer for this long has failed.
    pub delivery_timeout: Duration,
    /// Calls that wait for the writer; more wait to be queued, at least 1.
    pub queue_length_max: usize,
    /// Events of all waiting calls, in bytes.
    pub queue_bytes_max: usize,
    /// Calls that share one commit, at least 1.
    pub group_operations_max: usize,
    /// Connections that read at the same time, at least 1.
    pub readers_max: usize,
    /// How long to wait when another program has locked the file.
    pub busy_timeout: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Where jitter comes from.
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
    /// A clock of the caller's own.
    pub fn new(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's time, except that it never goes back nor stands still when that does: what
    /// waits for a time to come would wait until the system has caught up.
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
    /// A source of the caller's own.
    pub fn new(next: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        (self.0)()
    }
}

impl Default for RandomSource {
    /// Seeded by the standard library's hasher, which every platform has: jitter has to differ
    /// between processes, not to be unguessable.
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
