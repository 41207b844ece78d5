//! Load, decide, swap: changes that need more than [`Store::update`] offers, because something
//! has to be written elsewhere between the decision and the swap, or because the decision takes
//! other calls.
//!
//! ```ignore
//! let mut conflicts = Conflicts::default();
//! loop {
//!     let (order, mut version) = store.load::<Order>(&key).await?;
//!     let next = decide(order)?;
//!     index.add(&next).await?;
//!     if store.swap(&mut version, &next).await? {
//!         return Ok(next);
//!     }
//!     conflicts.count(&key)?;
//! }
//! ```

use super::{Store, StoreError, encode};
use serde::Serialize;

/// How often a decision is repeated because another writer changed the value in the meantime. Each
/// lost round means that another writer made progress, so this many in a row are a hot spot.
pub const CONFLICTS_MAX: u32 = 16;

/// The state of a key when it was read: what a swap compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    key: String,
    bytes: Option<Vec<u8>>,
}

impl Version {
    pub(super) fn new(key: &str, bytes: Option<Vec<u8>>) -> Self {
        Self { key: key.to_owned(), bytes }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the key had no value.
    pub fn is_absent(&self) -> bool {
        self.bytes.is_none()
    }

    /// See [`Store::swap`].
    pub(super) async fn swap<S: Store, T: Serialize>(
        &mut self,
        store: &S,
        next: &T,
    ) -> Result<bool, StoreError> {
        let next = encode(&self.key, next)?;
        let swapped = match &self.bytes {
            Some(bytes) => store.compare_and_swap(&self.key, Some(bytes), &next).await?,
            None => store.create_bytes_guarded(&self.key, &next).await?,
        };
        if swapped {
            self.bytes = Some(next);
        }
        Ok(swapped)
    }
}

/// Counts lost rounds of a loop that loads, decides and swaps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conflicts(u32);

impl Conflicts {
    /// Counts a lost round of a change of this key.
    ///
    /// # Errors
    /// [`StoreError::Contended`] after [`CONFLICTS_MAX`] lost rounds.
    pub fn count(&mut self, key: &str) -> Result<(), StoreError> {
        self.0 += 1;
        if self.0 < CONFLICTS_MAX { Ok(()) } else { Err(StoreError::Contended(key.to_owned())) }
    }
}
