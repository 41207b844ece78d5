//! Decisions with a memory, in a store that can't expire anything by itself.
//!
//! One stored value per key would grow without end: whoever sends requests chooses the keys.
//! So keys share a fixed number of slots by their hash. Each change of a slot drops the keys
//! whose whole quota is back, of which nothing need be remembered; a slot that is full all the
//! same forgets the key that is nearest to its whole quota, which is then a little better off
//! than it should be.

use crate::gcra::{Decision, Full, Invalid, Quota, decide};
use chassis::store::{Store, StoreError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Values in the store at most.
pub const SLOTS: u16 = 4_096;
/// Keys in one slot at most.
pub const KEYS_PER_SLOT_MAX: usize = 256;
/// Bytes of a policy's name and of a key at most.
pub const NAME_BYTES_MAX: usize = 512;

/// Keys by their hash, and when the whole quota of each is there again.
type Slot = BTreeMap<String, Full>;

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimiterError {
    /// The question makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The store has no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Invalid> for LimiterError {
    fn from(invalid: Invalid) -> LimiterError {
        LimiterError::Invalid(invalid.to_string())
    }
}

/// A rate limiter over a store.
#[derive(Clone, Debug)]
pub struct Limiter<S> {
    store: S,
}

impl<S: Store> Limiter<S> {
    /// A limiter that remembers in this store.
    pub fn new(store: S) -> Limiter<S> {
        Limiter { store }
    }

    /// May a call of this cost under `policy` for `key` go ahead, at `now_ms`?
    pub async fn check(
        &self,
        policy: &str,
        key: &str,
        quota: Quota,
        cost: u32,
        now_ms: u64,
    ) -> Result<Decision, LimiterError> {
        if policy.len() > NAME_BYTES_MAX || key.len() > NAME_BYTES_MAX {
            let reason = format!("policy and key have at most {NAME_BYTES_MAX} bytes each");
            return Err(LimiterError::Invalid(reason));
        }
        let (slot, name) = place(policy, key);
        let decide = |current: Option<Slot>| {
            let current = current.unwrap_or_default();
            let full = current.get(&name).copied().unwrap_or_default();
            let (next, decision) = decide(full, now_ms, quota, cost)?;
            // A refusal writes nothing, so a flood of refused calls is cheap.
            let slot = if next == full { current } else { remember(current, &name, next, now_ms) };
            Ok((slot, decision))
        };
        self.store.update(&format!("slot/{slot}"), decide).await
    }
}

/// The slot with one key changed, without what need not be remembered.
fn remember(mut slot: Slot, name: &str, full: Full, now_ms: u64) -> Slot {
    let now = Full(now_ms.saturating_mul(1_000_000), 0);
    slot.retain(|_, other| *other > now);
    while slot.len() >= KEYS_PER_SLOT_MAX && !slot.contains_key(name) {
        let nearest = slot.iter().min_by_key(|(_, other)| **other).map(|(name, _)| name.clone());
        let Some(nearest) = nearest else { break };
        slot.remove(&nearest);
    }
    slot.insert(name.to_owned(), full);
    slot
}

/// Slot and name of a key: hashed, so that keys have one length and nobody's address is kept.
fn place(policy: &str, key: &str) -> (u16, String) {
    let mut hash = Sha256::new();
    hash.update((policy.len() as u64).to_le_bytes());
    hash.update(policy.as_bytes());
    hash.update(key.as_bytes());
    let digest = hash.finalize();
    let slot = u16::from_le_bytes([digest[0], digest[1]]) % SLOTS;
    (slot, digest[2..18].iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chassis::store::{FailingStore, MemoryStore};

    const NOW: u64 = 1_800_000_000_000;
    const QUOTA: Quota = Quota { limit: 20, window_ms: 1_000 };

    #[tokio::test(flavor = "multi_thread")]
    async fn many_at_once_get_exactly_the_quota() {
        let limiter = Limiter::new(MemoryStore::new());
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move {
                    loop {
                        match limiter.check("p", "k", QUOTA, 1, NOW).await {
                            Err(LimiterError::Store(StoreError::Contended(_))) => {}
                            other => return other.unwrap().allowed,
                        }
                    }
                })
            })
            .collect();
        let mut allowed = 0;
        for task in tasks {
            allowed += u32::from(task.await.unwrap());
        }
        assert_eq!(allowed, QUOTA.limit);
    }

    #[tokio::test]
    async fn policies_and_keys_do_not_share_quotas() {
        let limiter = Limiter::new(MemoryStore::new());
        let one = Quota { limit: 1, window_ms: 1_000 };
        for (policy, key) in [("p", "k"), ("p", "l"), ("q", "k"), ("pk", ""), ("", "pk")] {
            assert!(limiter.check(policy, key, one, 1, NOW).await.unwrap().allowed);
            assert!(!limiter.check(policy, key, one, 1, NOW).await.unwrap().allowed);
        }
    }

    #[tokio::test]
    async fn rotating_keys_does_not_fill_the_store() {
        let store = MemoryStore::new();
        let limiter = Limiter::new(store.clone());
        for n in 0..20_000u64 {
            limiter.check("p", &n.to_string(), QUOTA, 1, NOW + n).await.unwrap();
        }
        assert!(store.keys().len() <= usize::from(SLOTS));
        let mut kept = 0;
        for key in store.keys() {
            kept += store.read::<Slot>(&key).await.unwrap().unwrap().len();
        }
        assert!(kept < 6_000, "keys with their whole quota are dropped, {kept} are left");
    }

    #[test]
    fn a_full_slot_forgets_whoever_is_nearest_to_the_whole_quota() {
        let later = |n: u64| Full((NOW + n) * 1_000_000, 0);
        let mut slot = Slot::new();
        for n in 0..KEYS_PER_SLOT_MAX as u64 {
            slot = remember(slot, &format!("k{n}"), later(1_000 - n), NOW);
        }
        let last = format!("k{}", KEYS_PER_SLOT_MAX - 1);
        assert!(slot.contains_key(&last));
        let slot = remember(slot, "new", later(2_000), NOW);
        assert_eq!(slot.len(), KEYS_PER_SLOT_MAX);
        assert!(!slot.contains_key(&last) && slot.contains_key("new"));
    }

    #[tokio::test]
    async fn faults_of_the_caller_and_of_the_store_are_told_apart() {
        let limiter = Limiter::new(MemoryStore::new());
        let invalid = |result| matches!(result, Err(LimiterError::Invalid(_)));
        assert!(invalid(limiter.check("p", "k", QUOTA, 21, NOW).await));
        assert!(invalid(limiter.check("p", &"k".repeat(513), QUOTA, 1, NOW).await));
        let dead = Limiter::new(FailingStore::after(0, MemoryStore::new()));
        let answer = dead.check("p", "k", QUOTA, 1, NOW).await;
        assert!(matches!(answer, Err(LimiterError::Store(_))));
    }
}
