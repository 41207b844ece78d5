//! A limit for calls per window, per caller.
//!
//! The generic cell rate algorithm ([`gcra`](crate::gcra)) decides. The state is in the host,
//! because the memory of a component may be gone after every call.

mod shard;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use self::shard::Shard;
pub use crate::gcra::{Decision, Invalid, Quota};
use crate::gcra::{Tat, decide};

/// The size of a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Keys whose quota is not full, over all policies. Beyond it, the keys whose quota is closest
    /// to full are removed, so they get their whole quota again.
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

/// Decides about calls by policy and key. Share it through an `Arc`.
pub struct RateLimiter {
    options: Options,
    origin: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

impl RateLimiter {
    /// A limiter without keys.
    pub fn new(options: Options) -> Self {
        let keys_max = options.keys_max.div_ceil(SHARDS);
        Self {
            options,
            origin: Instant::now(),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(keys_max))),
        }
    }

    /// Decides whether a call of this `cost` under `policy` for `key` is allowed at `now`.
    ///
    /// Concurrent calls for one key are decided one after the other, so that no quota is ever
    /// exceeded. A refused call costs nothing; a cost of 0 returns the current values and changes
    /// nothing.
    ///
    /// # Errors
    /// The quota is empty, the cost exceeds it, or policy and key are too long.
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
        // The length distinguishes ("a", "bc") from ("ab", "c").
        let name = format!("{}:{policy}{key}", policy.len());
        let mut shard = self.shard(&name);
        let (decision, tat) = decide(shard.get(&name), now_ns, quota, cost)?;
        if tat > Tat::at(now_ns) {
            shard.put(&name, tat, now_ns);
        }
        Ok(decision)
    }

    /// The number of keys with a state, at most [`keys_max`](Options::keys_max) rounded up to a
    /// multiple of 16.
    pub fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(name) % SHARDS as u64;
        self.shards[index as usize].lock()
    }

    /// The time since the limiter was created, on a monotonic clock.
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
