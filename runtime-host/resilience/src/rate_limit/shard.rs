//! The state of the keys of one shard, in bounded memory.
//!
//! A key whose whole quota is available needs no state, so those are removed first. An attacker who
//! rotates keys can still fill the shard. Then the quarter of the keys whose quota is closest to
//! full is removed, which forgives the smallest usage and keeps the average cost of a call constant.

use std::collections::HashMap;

use crate::gcra::Tat;

pub(super) struct Shard {
    by_key: HashMap<Box<str>, Tat>,
    keys_max: usize,
}

impl Shard {
    /// A shard of at most `keys_max` keys, at least 1.
    pub(super) fn new(keys_max: usize) -> Self {
        Self { by_key: HashMap::new(), keys_max: keys_max.max(1) }
    }

    pub(super) fn get(&self, key: &str) -> Tat {
        self.by_key.get(key).copied().unwrap_or_default()
    }

    pub(super) fn put(&mut self, key: &str, tat: Tat, now_ns: u64) {
        if let Some(known) = self.by_key.get_mut(key) {
            *known = tat;
            return;
        }
        if self.by_key.len() >= self.keys_max {
            self.evict(now_ns);
        }
        self.by_key.insert(key.into(), tat);
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn evict(&mut self, now_ns: u64) {
        self.by_key.retain(|_, tat| tat.ns > now_ns);
        let kept_max = self.keys_max - self.keys_max.div_ceil(4);
        let excess = self.by_key.len().saturating_sub(kept_max);
        if excess == 0 {
            return;
        }
        let mut tats: Vec<Tat> = self.by_key.values().copied().collect();
        let (_, last, _) = tats.select_nth_unstable(excess - 1);
        let last = *last;
        self.by_key.retain(|_, tat| *tat > last);
    }
}
