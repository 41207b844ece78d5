//! A rate limiter with its state in a store that has no expiry.
//!
//! One stored value per key would grow without limit, because clients choose the keys. So keys share
//! a fixed number of slots by their hash. Each change of a slot removes the keys whose whole quota is
//! available again, because they need no state. If the slot is still full, the key whose quota is
//! closest to full is removed, and gets its whole quota early.

use chassis::store::{Store, StoreError};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tessera_resilience::gcra::{Decision, Invalid, Quota, Tat, decide};

/// Maximum number of values in the store.
pub const SLOTS: u16 = 4_096;
/// Maximum number of keys in one slot.
pub const KEYS_PER_SLOT_MAX: usize = 256;
/// Maximum length of the name of a policy, and of a key, in bytes.
pub const NAME_BYTES_MAX: usize = 512;

const NS_PER_MS: u64 = 1_000_000;

/// The stored format of a slot: the state of each key by its hash, as nanoseconds and a fraction.
type Slot = BTreeMap<String, (u64, u32)>;

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimiterError {
    /// The request is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Invalid> for LimiterError {
    fn from(invalid: Invalid) -> LimiterError {
        LimiterError::Invalid(invalid.to_string())
    }
}

/// A rate limiter with its state in a store.
#[derive(Clone, Debug)]
pub struct Limiter<S> {
    store: S,
}

impl<S: Store> Limiter<S> {
    /// A limiter with its state in this store.
    pub fn new(store: S) -> Limiter<S> {
        Limiter { store }
    }

    /// Decides whether a call of this cost under `policy` for `key` is allowed at `now_ms`.
    ///
    /// # Errors
    /// The quota is empty, the cost exceeds it, a name is too long, or the store failed.
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
        let now_ns = now_ms.saturating_mul(NS_PER_MS);
        let (slot, name) = slot_and_name(policy, key);
        let decide = |current: Option<Slot>| {
            let current = current.unwrap_or_default();
            let tat = current.get(&name).map(|(ns, fraction)| Tat { ns: *ns, fraction: *fraction });
            let tat = tat.unwrap_or_default();
            let (decision, next) = decide(tat, now_ns, quota, cost)?;
            // A refusal writes nothing, so a flood of refused calls is cheap.
            let slot = if next == tat { current } else { put(current, &name, next, now_ns) };
            Ok((slot, decision))
        };
        self.store.update(&format!("slot/{slot}"), decide).await
    }
}

/// The slot with the state of one key, without keys that need no state.
fn put(mut slot: Slot, name: &str, tat: Tat, now_ns: u64) -> Slot {
    slot.retain(|_, other| *other > (now_ns, 0));
    while slot.len() >= KEYS_PER_SLOT_MAX && !slot.contains_key(name) {
        let nearest = slot.iter().min_by_key(|(_, other)| **other).map(|(name, _)| name.clone());
        let Some(nearest) = nearest else { break };
        slot.remove(&nearest);
    }
    slot.insert(name.to_owned(), (tat.ns, tat.fraction));
    slot
}

/// The slot and the name of a key. The name is a hash, so that it has a fixed length and no address
/// is stored.
fn slot_and_name(policy: &str, key: &str) -> (u16, String) {
    let mut hash = Sha256::new();
    hash.update((policy.len() as u64).to_le_bytes());
    hash.update(policy.as_bytes());
    hash.update(key.as_bytes());
    let digest = hash.finalize();
    let slot = u16::from_le_bytes([digest[0], digest[1]]) % SLOTS;
    (slot, HEXLOWER.encode(&digest[2..18]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chassis::testing::{MemoryStore, ScriptedStore};

    const NOW: u64 = 1_800_000_000_000;
    const QUOTA: Quota = Quota { limit: 20, window_ms: 1_000 };

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_calls_get_exactly_the_quota() {
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
        assert!(kept < 6_000, "keys with their whole quota are removed, {kept} are left");
    }

    #[test]
    fn a_full_slot_removes_the_key_with_the_quota_closest_to_full() {
        let now_ns = NOW * NS_PER_MS;
        let later = |n: u64| Tat::at((NOW + n) * NS_PER_MS);
        let mut slot = Slot::new();
        for n in 0..KEYS_PER_SLOT_MAX as u64 {
            slot = put(slot, &format!("k{n}"), later(1_000 - n), now_ns);
        }
        let last = format!("k{}", KEYS_PER_SLOT_MAX - 1);
        assert!(slot.contains_key(&last));
        let slot = put(slot, "new", later(2_000), now_ns);
        assert_eq!(slot.len(), KEYS_PER_SLOT_MAX);
        assert!(!slot.contains_key(&last) && slot.contains_key("new"));
    }

    /// Earlier versions have written this format, too.
    #[tokio::test]
    async fn the_stored_format_is_stable() {
        let store = MemoryStore::new();
        let limiter = Limiter::new(store.clone());
        let quota = Quota { limit: 3, window_ms: 1_000 };
        limiter.check("p", "k", quota, 1, 1_000).await.unwrap();
        let key = store.keys().pop().unwrap();
        let (_, name) = slot_and_name("p", "k");
        let written = store.read::<BTreeMap<String, [u64; 2]>>(&key).await.unwrap().unwrap();
        assert_eq!(written, BTreeMap::from([(name, [1_333_333_333, 1])]));
    }

    #[tokio::test]
    async fn errors_of_the_caller_and_of_the_store_are_distinguished() {
        let limiter = Limiter::new(MemoryStore::new());
        let invalid = |result| matches!(result, Err(LimiterError::Invalid(_)));
        assert!(invalid(limiter.check("p", "k", QUOTA, 21, NOW).await));
        assert!(invalid(limiter.check("p", &"k".repeat(513), QUOTA, 1, NOW).await));
        let dead = Limiter::new(ScriptedStore::failing_after(0, MemoryStore::new()));
        let answer = dead.check("p", "k", QUOTA, 1, NOW).await;
        assert!(matches!(answer, Err(LimiterError::Store(_))));
    }
}
