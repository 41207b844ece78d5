//! Shelves in the store.
//!
//! Reading JSON costs more than fetching it. An instance that serves many requests keeps
//! each shelf that it has read beside the bytes that it was read from, and parses again
//! only when the bytes in the store have become others. So the memory can never be wrong,
//! and an instance that is new, or lives for one request only, merely parses.

use std::sync::{Arc, Mutex, PoisonError};

use chassis::store::{Store, StoreError};

use crate::domain::{SHELVES, Shelf, shelf_of};

/// What an instance remembers between requests. Clones share it.
#[derive(Clone, Default)]
pub struct Memo(Arc<[Mutex<Option<Parsed>>; SHELVES as usize]>);

struct Parsed {
    bytes: Vec<u8>,
    shelf: Arc<Shelf>,
}

/// All shelves of a store.
#[derive(Clone)]
pub struct Shelves<S> {
    store: S,
    memo: Memo,
}

impl<S: Store> Shelves<S> {
    /// The shelves in `store`, helped by what `memo` has seen of that same store.
    pub fn new(store: S, memo: Memo) -> Self {
        Shelves { store, memo }
    }

    /// The shelf that this SKU belongs on: one read.
    pub async fn of(&self, sku: &str) -> Result<Arc<Shelf>, StoreError> {
        self.numbered(shelf_of(sku)).await
    }

    /// Every shelf: [`SHELVES`] reads.
    pub async fn all(&self) -> Result<Vec<Arc<Shelf>>, StoreError> {
        self.each(0..SHELVES).await
    }

    /// The shelves with these numbers.
    pub async fn each(
        &self,
        numbers: impl IntoIterator<Item = u32, IntoIter: Send> + Send,
    ) -> Result<Vec<Arc<Shelf>>, StoreError> {
        let mut shelves = Vec::with_capacity(SHELVES as usize);
        for number in numbers {
            shelves.push(self.numbered(number).await?);
        }
        Ok(shelves)
    }

    /// Change the shelf of this SKU, atomically. `change` may be called more than once.
    pub async fn update<R: Send, E: From<StoreError> + Send>(
        &self,
        sku: &str,
        mut change: impl FnMut(&mut Shelf) -> Result<R, E> + Send,
    ) -> Result<R, E> {
        let change = |shelf: Option<Shelf>| {
            let mut shelf = shelf.unwrap_or_default();
            let result = change(&mut shelf)?;
            Ok((shelf, result))
        };
        self.store.update(&key(shelf_of(sku)), change).await
    }

    async fn numbered(&self, number: u32) -> Result<Arc<Shelf>, StoreError> {
        let key = key(number);
        let Some(bytes) = self.store.get(&key).await? else {
            return Ok(Arc::default());
        };
        let mut seen = self.memo.0[number as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = seen.as_ref().filter(|parsed| parsed.bytes == bytes) {
            return Ok(parsed.shelf.clone());
        }
        let shelf: Shelf = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Corrupt { key, reason: error.to_string() })?;
        let shelf = Arc::new(shelf);
        *seen = Some(Parsed { bytes, shelf: shelf.clone() });
        Ok(shelf)
    }
}

fn key(number: u32) -> String {
    format!("shelf/{number}")
}
