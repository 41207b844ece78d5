//! The memory of all answers that are kept. Each edge has a limit, but a pattern of hosts can have any
//! number of edges, so all of them together have one, too.

use super::State;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// If the memory is used up, this part of it is freed at once: finding the oldest answers takes a look
/// at each edge.
const FREED_SHARE: usize = 16;

/// The memory of the answers of all edges.
pub(crate) struct AnswerMemory {
    size_max_bytes: usize,
    /// Changed only while the state is locked whose size changes.
    size_bytes: AtomicUsize,
    /// The clock of all edges, so that their answers can be compared.
    clock: Instant,
    /// Locked before any state, and never while one is.
    states: Mutex<Vec<Weak<Mutex<State>>>>,
}

/// Enough for the tests that are not about it.
#[cfg(test)]
impl Default for AnswerMemory {
    fn default() -> Self {
        Self::new(1 << 20)
    }
}

impl AnswerMemory {
    pub(crate) fn new(size_max_bytes: usize) -> Self {
        let (size_bytes, states) = (AtomicUsize::new(0), Mutex::default());
        Self { size_max_bytes, size_bytes, clock: Instant::now(), states }
    }

    pub(super) fn size_max_bytes(&self) -> usize {
        self.size_max_bytes
    }

    /// The answers of one more edge.
    pub(super) fn add(&self, state: &Arc<Mutex<State>>) {
        let mut states = self.states.lock();
        states.retain(|state| state.strong_count() > 0);
        states.push(Arc::downgrade(state));
    }

    /// Changes what an edge keeps. If that is too much for all edges together, the answers make room
    /// that were not asked for the longest time.
    pub(super) fn change<R>(
        &self,
        state: &Mutex<State>,
        change: impl FnOnce(&mut State, Duration) -> R,
    ) -> R {
        let (result, size_bytes) = self.counted(state, |state| change(state, self.clock.elapsed()));
        if size_bytes > self.size_max_bytes {
            self.make_room();
        }
        result
    }

    /// Changes what an edge keeps. Returns the size of all.
    fn counted<R>(&self, state: &Mutex<State>, change: impl FnOnce(&mut State) -> R) -> (R, usize) {
        let mut state = state.lock();
        let before = state.cache.size_bytes();
        let result = change(&mut state);
        let after = state.cache.size_bytes();
        let all = if after > before {
            self.size_bytes.fetch_add(after - before, Ordering::Relaxed) + (after - before)
        } else {
            self.size_bytes.fetch_sub(before - after, Ordering::Relaxed) - (before - after)
        };
        (result, all)
    }

    fn make_room(&self) {
        let states = self.states.lock();
        let states: Vec<_> = states.iter().filter_map(Weak::upgrade).collect();
        let oldest = |index: usize| {
            let used_at = states.get(index)?.lock().cache.oldest_use()?;
            Some(Reverse((used_at, index)))
        };
        let mut by_use: BinaryHeap<_> = (0..states.len()).filter_map(oldest).collect();
        let enough = self.size_max_bytes - self.size_max_bytes / FREED_SHARE;
        while self.size_bytes.load(Ordering::Relaxed) > enough {
            let Some(Reverse((_, index))) = by_use.pop() else { return };
            let Some(state) = states.get(index) else { return };
            self.counted(state, |state| state.cache.drop_oldest());
            by_use.extend(oldest(index));
        }
    }
}
