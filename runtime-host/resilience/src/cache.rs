//! Answers that are kept for a while, within a limit of memory.
//!
//! An answer is *fresh* for a time and given in place of a call. After that it is *stale* for a
//! time, in which it is given only if a call fails. If the memory is used up, the answers that were
//! not asked for the longest time are dropped.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// What an entry takes besides its key and its value.
const ENTRY_BYTES: usize = 256;

/// Answers by key. Times are those of one clock that never goes back.
#[derive(Debug)]
pub struct Cache<V> {
    size_max_bytes: usize,
    size_bytes: usize,
    entries: HashMap<Box<[u8]>, Entry<V>>,
    /// Keys by the last time that they were asked for.
    used: BTreeMap<u64, Box<[u8]>>,
    next_use: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    size_bytes: usize,
    stored: Duration,
    fresh_until: Duration,
    stale_until: Duration,
    last_use: u64,
    used_at: Duration,
}

/// For how long an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The time for which it is fresh.
    pub fresh: Duration,
    /// The time after that, for which it is better than no answer.
    pub stale: Duration,
}

/// An answer, as old as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<V> {
    /// The answer.
    pub value: V,
    /// The time since it was stored.
    pub age: Duration,
    /// The time for which it is still fresh. Zero for a stale one.
    pub fresh: Duration,
}

impl<V: Clone> Cache<V> {
    /// An empty cache.
    pub fn new(size_max_bytes: usize) -> Self {
        Self {
            size_max_bytes,
            size_bytes: 0,
            entries: HashMap::new(),
            used: BTreeMap::new(),
            next_use: 0,
        }
    }

    /// The answer for a key, fresh or stale.
    pub fn get(&mut self, key: &[u8], now: Duration) -> Option<Kept<V>> {
        let entry = self.entries.get_mut(key)?;
        if now >= entry.stale_until {
            self.remove(key);
            return None;
        }
        let next_use = self.next_use;
        self.next_use += 1;
        if let Some(key) = self.used.remove(&entry.last_use) {
            self.used.insert(next_use, key);
        }
        entry.last_use = next_use;
        entry.used_at = now;
        Some(Kept {
            value: entry.value.clone(),
            age: now.saturating_sub(entry.stored),
            fresh: entry.fresh_until.saturating_sub(now),
        })
    }

    /// Keeps an answer. One that is larger than all the memory is not kept.
    pub fn insert(
        &mut self,
        key: Box<[u8]>,
        value: V,
        size_bytes: usize,
        lifetime: Lifetime,
        now: Duration,
    ) {
        self.remove(&key);
        // The key is there twice.
        let size_bytes = size_bytes + 2 * key.len() + ENTRY_BYTES;
        if size_bytes > self.size_max_bytes {
            return;
        }
        while self.size_bytes + size_bytes > self.size_max_bytes {
            if !self.drop_oldest() {
                break;
            }
        }
        let fresh_until = now.saturating_add(lifetime.fresh);
        let stale_until = fresh_until.saturating_add(lifetime.stale);
        let last_use = self.next_use;
        self.next_use += 1;
        self.size_bytes += size_bytes;
        self.used.insert(last_use, key.clone());
        let entry = Entry {
            value,
            size_bytes,
            stored: now,
            fresh_until,
            stale_until,
            last_use,
            used_at: now,
        };
        self.entries.insert(key, entry);
    }

    /// Drops all answers for which this is true.
    pub fn drop_if(&mut self, is_outdated: impl Fn(&V) -> bool) {
        let outdated: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| is_outdated(&entry.value))
            .map(|(key, _)| key.clone())
            .collect();
        for key in outdated {
            self.remove(&key);
        }
    }

    /// When the answer that was not asked for the longest time was asked for, or stored.
    pub fn oldest_use(&self) -> Option<Duration> {
        let (_, key) = self.used.first_key_value()?;
        self.entries.get(key).map(|entry| entry.used_at)
    }

    /// Drops that answer. False if there is none.
    pub fn drop_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.used.pop_first() else { return false };
        self.forget(&oldest);
        true
    }

    /// The number of answers.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The memory that they take.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Drops the answer for a key.
    pub fn remove(&mut self, key: &[u8]) {
        if let Some(last_use) = self.forget(key) {
            self.used.remove(&last_use);
        }
    }

    fn forget(&mut self, key: &[u8]) -> Option<u64> {
        let entry = self.entries.remove(key)?;
        self.size_bytes -= entry.size_bytes;
        Some(entry.last_use)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const LIFETIME: Lifetime = Lifetime { fresh: S, stale: Duration::from_secs(2) };

    fn insert(cache: &mut Cache<u32>, key: &str, value: u32, now: Duration) {
        cache.insert(key.as_bytes().into(), value, 0, LIFETIME, now);
    }

    fn get(cache: &mut Cache<u32>, key: &str, now: Duration) -> Option<u32> {
        cache.get(key.as_bytes(), now).map(|kept| kept.value)
    }

    /// Room for three entries with a key of one byte.
    fn cache() -> Cache<u32> {
        Cache::new(3 * (ENTRY_BYTES + 2))
    }

    #[test]
    fn an_answer_is_fresh_then_stale_then_gone() {
        let mut cache = cache();
        insert(&mut cache, "a", 1, 10 * S);
        let kept = cache.get(b"a", 10 * S + S / 4).unwrap();
        assert_eq!((kept.value, kept.age, kept.fresh), (1, S / 4, S * 3 / 4));
        let kept = cache.get(b"a", 12 * S).unwrap();
        assert_eq!((kept.value, kept.age, kept.fresh), (1, 2 * S, Duration::ZERO));
        assert_eq!(cache.get(b"a", 13 * S), None);
        assert_eq!((cache.len(), cache.size_bytes()), (0, 0));
    }

    #[test]
    fn the_answer_that_was_not_asked_for_longest_makes_room() {
        let mut cache = cache();
        for (value, key) in ["a", "b", "c"].into_iter().enumerate() {
            insert(&mut cache, key, value as u32, S);
        }
        assert_eq!(get(&mut cache, "a", S), Some(0));
        insert(&mut cache, "d", 3, S);
        assert_eq!(get(&mut cache, "b", S), None);
        assert!(["a", "c", "d"].iter().all(|key| get(&mut cache, key, S).is_some()));
    }

    #[test]
    fn the_oldest_use_is_the_last_one_of_the_answer_that_goes_first() {
        let mut cache = cache();
        assert_eq!((cache.oldest_use(), cache.drop_oldest()), (None, false));
        insert(&mut cache, "a", 1, S);
        insert(&mut cache, "b", 2, S + S / 4);
        assert_eq!(cache.oldest_use(), Some(S));
        get(&mut cache, "a", S + S / 2);
        assert_eq!(cache.oldest_use(), Some(S + S / 4));
        assert!(cache.drop_oldest());
        assert_eq!((cache.oldest_use(), cache.len()), (Some(S + S / 2), 1));
        assert_eq!(get(&mut cache, "b", S + S / 2), None);
    }

    #[test]
    fn memory_is_bounded_whatever_is_stored() {
        let mut cache = Cache::new(10_000);
        for number in 0..100_000_u32 {
            let key = number.to_be_bytes().into();
            cache.insert(key, number, (number % 300) as usize, LIFETIME, S);
            assert!(cache.size_bytes() <= 10_000);
        }
        assert!(cache.len() > 10);
        cache.insert(Box::from(*b"large"), 1, 10_000, LIFETIME, S);
        assert!(cache.get(b"large", S).is_none() && cache.len() > 10, "nothing made room for it");
        assert_eq!(cache.used.len(), cache.entries.len());
    }

    #[test]
    fn a_newer_answer_replaces_an_older_one() {
        let mut cache = cache();
        for value in 0..10 {
            insert(&mut cache, "a", value, S);
        }
        assert_eq!((get(&mut cache, "a", S), cache.len(), cache.used.len()), (Some(9), 1, 1));
        assert_eq!(cache.size_bytes(), ENTRY_BYTES + 2);
    }

    #[test]
    fn outdated_answers_are_dropped() {
        let mut cache = cache();
        insert(&mut cache, "a", 1, S);
        insert(&mut cache, "b", 2, S);
        cache.drop_if(|value| *value == 1);
        assert_eq!((get(&mut cache, "a", S), get(&mut cache, "b", S)), (None, Some(2)));
    }
}
