//! How many calls per window a caller may make.
//!
//! The generic cell rate algorithm ([`gcra`]) needs one point in time per key where a sliding log
//! needs one per call, and has no edge of a window at which twice the quota passes. The state
//! belongs to the host: a guest's memory may be gone after every call.

mod cells;
pub mod gcra;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use self::cells::Cells;
pub use self::gcra::{Decision, Invalid, Quota};

/// How much the limiter remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Keys with a quota that is not whole again, over all policies. Beyond it the keys that
    /// are nearest to a whole quota are forgotten, that is, forgiven early.
    pub keys_max: usize,
    /// Length of policy and key together, in bytes.
    pub key_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { keys_max: 100_000, key_bytes_max: 1_024 }
    }
}

/// Independent parts of the key space, so that callers seldom wait for each other.
const SHARDS: usize = 16;

/// Decides calls by policy and key. Share it through an `Arc`.
pub struct RateLimiter {
    options: Options,
    origin: Instant,
    hasher: RandomState,
    shards: [Mutex<Cells>; SHARDS],
}

impl RateLimiter {
    /// A limiter that knows no keys.
    pub fn new(options: Options) -> Self {
        let cells_max = options.keys_max.div_ceil(SHARDS);
        Self {
            options,
            origin: Instant::now(),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::new(Cells::new(cells_max))),
        }
    }

    /// May a call of this `cost` under `policy` for `key` go ahead at `now`?
    ///
    /// Concurrent calls for one key are decided one after the other, so that no quota is ever
    /// exceeded. A refused call costs nothing, a cost of 0 asks without taking.
    pub fn check(
        &self,
        policy: &str,
        key: &str,
        quota: Quota,
        cost: u32,
        now: Instant,
    ) -> Result<Decision, Invalid> {
        if policy.len() + key.len() > self.options.key_bytes_max {
            return Err(Invalid::Key);
        }
        let now_ns = self.nanoseconds(now);
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        let name = format!("{}:{policy}{key}", policy.len());
        let mut cells = self.shard(&name);
        let (decision, cell) = gcra::decide(cells.get(&name), now_ns, quota, cost)?;
        if cell > (gcra::Cell { ns: now_ns, fraction: 0 }) {
            cells.put(&name, cell, now_ns);
        }
        Ok(decision)
    }

    /// Keys remembered now, at most [`keys_max`](Options::keys_max) rounded up to a multiple
    /// of 16.
    pub fn keys(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Cells> {
        let index = self.hasher.hash_one(name) % SHARDS as u64;
        lock(&self.shards[index as usize])
    }

    /// Time since the limiter was made, on a clock that never goes back.
    fn nanoseconds(&self, now: Instant) -> u64 {
        let elapsed: Duration = now.saturating_duration_since(self.origin);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

/// A panic cannot leave a map of cells half changed, so a poisoned lock is as good as any.
fn lock(cells: &Mutex<Cells>) -> MutexGuard<'_, Cells> {
    cells.lock().unwrap_or_else(PoisonError::into_inner)
}
