//! The state of the keys of one shard, in bounded memory.
//!
//! A key whose quota is whole again needs no cell, so those go first. An attacker who rotates
//! keys can still fill the shard with live ones; then the quarter that is nearest to a whole
//! quota is forgotten, which forgives the least debt and keeps the cost per call constant on
//! average.

use std::collections::HashMap;

use super::gcra::Cell;

#[derive(Default)]
pub(super) struct Cells {
    by_key: HashMap<Box<str>, Cell>,
    cells_max: usize,
}

impl Cells {
    pub(super) fn new(cells_max: usize) -> Self {
        Self { by_key: HashMap::new(), cells_max: cells_max.max(1) }
    }

    pub(super) fn get(&self, key: &str) -> Cell {
        self.by_key.get(key).copied().unwrap_or_default()
    }

    pub(super) fn put(&mut self, key: &str, cell: Cell, now_ns: u64) {
        if let Some(known) = self.by_key.get_mut(key) {
            *known = cell;
            return;
        }
        if self.by_key.len() >= self.cells_max {
            self.make_room(now_ns);
        }
        self.by_key.insert(key.into(), cell);
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn make_room(&mut self, now_ns: u64) {
        self.by_key.retain(|_, cell| cell.ns > now_ns);
        let kept_max = self.cells_max - self.cells_max.div_ceil(4);
        let excess = self.by_key.len().saturating_sub(kept_max);
        if excess == 0 {
            return;
        }
        let mut ends: Vec<Cell> = self.by_key.values().copied().collect();
        let (_, last, _) = ends.select_nth_unstable(excess - 1);
        let last = *last;
        self.by_key.retain(|_, cell| *cell > last);
    }
}
