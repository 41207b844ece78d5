//! Versions of values that have none: Redis stores a value without a number of its writes, and stock
//! Spin, which uses the same keys, would not maintain one beside it.
//!
//! So a version is made of two parts. The digest of the value is compared by the server, in the same
//! step as the swap: this notices a write of any program. The number of writes that this process has
//! begun or completed on the key, in a fixed number of cells by the hash of the key, notices that a
//! value has come back. What remains is a value that another process has changed and changed back: it
//! counts as unchanged.
//!
//! The alternative, `WATCH`, needs a connection per version, for as long as a guest keeps it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::Version;

/// The number of cells. With a thousand writes per second and a millisecond between read and swap, one
/// swap in ten thousand has a false conflict, because another key of its cell was written.
const CELLS: usize = 16_384;

/// Counts of writes, by hash of the key.
pub(super) struct Versions {
    cells: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Versions {
    pub(super) fn new() -> Self {
        Self { cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// The number of writes of a key, to be taken before its value is read.
    pub(super) fn count(&self, key: &str) -> u64 {
        self.cell(key).load(Ordering::SeqCst)
    }

    /// Notes that a write begins or has ended. Returns the count before.
    pub(super) fn advance(&self, key: &str) -> u64 {
        self.cell(key).fetch_add(1, Ordering::SeqCst)
    }

    /// The version of a value with this digest; `None` is an absent key.
    pub(super) fn version(&self, digest: Option<u64>, count: u64) -> Version {
        match digest {
            Some(digest) => Version::Present(digest ^ self.mask(count)),
            None => Version::Absent(count),
        }
    }

    /// The digest that a value must have to be of this version at this count. An absent key has none.
    /// With another count than that of the version, it fits no value.
    pub(super) fn expected(&self, version: Version, count: u64) -> Expected {
        match version {
            Version::Present(number) => Expected::Digest(number ^ self.mask(count)),
            Version::Absent(of) if of == count => Expected::Absent,
            Version::Absent(_) => Expected::Nothing,
        }
    }

    fn cell(&self, key: &str) -> &AtomicU64 {
        &self.cells[(self.hasher.hash_one(key) % CELLS as u64) as usize]
    }

    fn mask(&self, count: u64) -> u64 {
        self.hasher.hash_one(count)
    }
}

/// What a swap expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A value with this digest.
    Digest(u64),
    /// No value.
    Absent,
    /// Nothing fits: the version is too old.
    Nothing,
}

impl Expected {
    /// As the argument of the script, which compares it with the beginning of the SHA-1 in
    /// hexadecimal.
    pub(super) fn argument(self) -> String {
        match self {
            Self::Digest(digest) => format!("{digest:016x}"),
            Self::Absent => "absent".to_owned(),
            Self::Nothing => "nothing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_fits_its_value_until_the_next_write() {
        let versions = Versions::new();
        let count = versions.count("key");
        let present = versions.version(Some(7), count);
        let absent = versions.version(None, count);
        assert_eq!(versions.expected(present, count), Expected::Digest(7));
        assert_eq!(versions.expected(absent, count), Expected::Absent);
        assert_eq!(versions.advance("key"), count);
        let count = versions.count("key");
        assert_ne!(versions.expected(present, count), Expected::Digest(7));
        assert_eq!(versions.expected(absent, count), Expected::Nothing);
    }
}
