//! What makes compare-and-swap immune to deletion followed by creation.
//!
//! A present key carries its version with its value. An absent key has nothing to carry one, and
//! a tombstone per deleted key would grow for ever. So deletions are counted, in memory, in a
//! fixed number of cells that keys hash to: the version of an absent key is the count in its
//! cell. Two keys in one cell can cause a conflict where none was, which costs a retry, and a
//! deletion never goes unnoticed. Nothing has to be durable, as no version outlives the process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// Cells per store. At ten thousand deletions per second and a millisecond between read and swap,
/// one swap in four hundred on an absent key is retried in vain.
const CELLS: usize = 4_096;

/// Counts deletions by key, roughly.
pub(crate) struct Deletions {
    cells: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Deletions {
    pub(crate) fn new() -> Self {
        Self { cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// The cell of a key.
    pub(crate) fn cell(&self, store: &str, key: &str) -> usize {
        (self.hasher.hash_one((store, key)) % CELLS as u64) as usize
    }

    /// Deletions published so far in a cell.
    pub(crate) fn count(&self, cell: usize) -> u64 {
        self.cells[cell].load(Ordering::Acquire)
    }

    /// Counts one more, after the deletion is visible to readers.
    pub(crate) fn publish(&self, cell: usize) {
        self.cells[cell].fetch_add(1, Ordering::Release);
    }
}
