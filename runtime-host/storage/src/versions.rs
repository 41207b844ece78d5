//! Versions of absent keys, so that compare-and-swap detects a deletion followed by a creation.
//!
//! A present key has its version beside its value. An absent key has no row, and the number of
//! tombstones would grow without a limit. So deletions are counted, in memory, in a fixed number of
//! cells by the hash of the key: the version of an absent key is the count of its cell. Two keys
//! with the same cell can cause a false conflict, which costs a retry, but no deletion is missed.
//! The counts need not be durable, because versions are only valid in this process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// The number of cells per store. With ten thousand deletions per second and a millisecond between
/// read and swap, one swap in four hundred on an absent key has a false conflict.
const CELLS: usize = 4_096;

/// Counts of deletions, by hash of the key.
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

    /// The number of published deletions of a cell.
    pub(crate) fn count(&self, cell: usize) -> u64 {
        self.cells[cell].load(Ordering::Acquire)
    }

    /// Counts a deletion, after it is visible to readers.
    pub(crate) fn publish(&self, cell: usize) {
        self.cells[cell].fetch_add(1, Ordering::Release);
    }
}
