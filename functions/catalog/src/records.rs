//! Shelves in the store.
//!
//! Reading JSON costs more than fetching it. An instance that serves many requests keeps
//! each shelf that it has read beside the bytes that it was read from, and parses again
//! only when the bytes in the store have become others. So the memory can never be wrong,
//! and an instance that is new, or lives for one request only, merely parses.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::events::Producer;
use chassis::outbox::{HasOutbox, Relay};
use chassis::parts::Parts;
use chassis::store::{Store, StoreError, same_bytes};
use serde::Serialize;

use crate::domain::{Product, SHELVES, Shelf, shelf_of};
use crate::search::Texts;

/// What an instance remembers between requests. Clones share it.
#[derive(Clone, Default)]
pub struct Memo(Arc<[Mutex<Option<Parsed>>; SHELVES as usize]>);

struct Parsed {
    bytes: Vec<u8>,
    shelf: Arc<Stocked>,
}

/// A shelf as it was read, with the texts of its products for the search.
#[derive(Clone, Debug, Default)]
pub struct Stocked {
    shelf: Shelf,
    /// In the order of the products.
    texts: Vec<Texts>,
}

impl Stocked {
    fn new(shelf: Shelf) -> Self {
        Stocked { texts: shelf.products().map(Texts::of).collect(), shelf }
    }

    /// The products with their texts, ordered by SKU.
    pub fn searchable(&self) -> impl Iterator<Item = (&Product, &Texts)> {
        self.shelf.products().zip(&self.texts)
    }
}

impl Deref for Stocked {
    type Target = Shelf;

    fn deref(&self) -> &Shelf {
        &self.shelf
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Events that the log has acknowledged.
    pub published: usize,
    /// Shelves that could not be published.
    pub failed: usize,
}

/// All shelves of a store, and the log that others hear of their changes by.
#[derive(Clone)]
pub struct Shelves<S, P> {
    store: S,
    relay: Relay<S, P>,
    memo: Memo,
}

impl<S: Store, P: Producer> Shelves<S, P> {
    /// The shelves in `store`, helped by what `memo` has seen of that same store.
    pub fn new(store: S, producer: P, memo: Memo) -> Self {
        Shelves { relay: Relay::new(store.clone(), producer), store, memo }
    }

    /// The shelf that this SKU belongs on: one read.
    pub async fn of(&self, sku: &str) -> Result<Arc<Stocked>, StoreError> {
        self.numbered(shelf_of(sku)).await
    }

    /// Every shelf: [`SHELVES`] reads.
    pub async fn all(&self) -> Result<Vec<Arc<Stocked>>, StoreError> {
        self.each(0..SHELVES).await
    }

    /// The shelves with these numbers.
    pub async fn each(
        &self,
        numbers: impl IntoIterator<Item = u32, IntoIter: Send> + Send,
    ) -> Result<Vec<Arc<Stocked>>, StoreError> {
        let mut shelves = Vec::with_capacity(SHELVES as usize);
        for number in numbers {
            shelves.push(self.numbered(number).await?);
        }
        Ok(shelves)
    }

    /// Change the shelf of this SKU, atomically, and publish what is due. `change` may be
    /// called more than once. It counts as done even if the log is away: a sweep publishes.
    pub async fn update<R: Send, E: From<StoreError> + Send>(
        &self,
        sku: &str,
        mut change: impl FnMut(&mut Shelf) -> Result<R, E> + Send,
    ) -> Result<R, E> {
        let change = |shelf: Option<Shelf>| {
            let mut shelf = shelf.unwrap_or_default();
            let before = shelf.changed_at();
            let result = change(&mut shelf)?;
            let is_due = shelf.is_publication_due(before);
            Ok::<_, E>((shelf, (result, is_due)))
        };
        let key = key(shelf_of(sku));
        let (result, is_due) = self.store.update(&key, change).await?;
        if is_due && let Err(error) = self.relay.flush::<Shelf>(&key).await {
            eprintln!("the events of {key} will be published later: {error}");
        }
        Ok(result)
    }

    /// Publishes pending events of all shelves. There are so few shelves that all are read, without
    /// marks of changes. An unreadable shelf does not stop the others.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let (mut swept, mut parts) = (Swept::default(), Parts::new());
        for number in 0..SHELVES {
            let part = self.sweep_shelf(number, &mut swept).await;
            parts.done(&key(number), part);
        }
        parts.end(swept)
    }

    async fn sweep_shelf(&self, number: u32, swept: &mut Swept) -> Result<(), StoreError> {
        let (shelf, key) = (self.numbered(number).await?, key(number));
        if shelf.has_untold() {
            let tell = |shelf: Option<Shelf>| {
                let mut shelf = shelf.unwrap_or_default();
                shelf.tell_untold();
                Ok::<_, StoreError>((shelf, ()))
            };
            self.store.update(&key, tell).await?;
        } else if shelf.outbox().is_empty() {
            return Ok(());
        }
        match self.relay.flush::<Shelf>(&key).await {
            Ok(flushed) => swept.published += flushed.published,
            Err(error) => {
                eprintln!("the events of {key} will be published later: {error}");
                swept.failed += 1;
            }
        }
        Ok(())
    }

    async fn numbered(&self, number: u32) -> Result<Arc<Stocked>, StoreError> {
        let key = key(number);
        let Some(bytes) = self.store.get(&key).await? else {
            return Ok(Arc::default());
        };
        let mut seen = self.memo.0[number as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = seen.as_ref().filter(|parsed| same_bytes(&parsed.bytes, &bytes)) {
            return Ok(parsed.shelf.clone());
        }
        let shelf: Shelf = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Corrupt { key, reason: error.to_string() })?;
        let shelf = Arc::new(Stocked::new(shelf));
        *seen = Some(Parsed { bytes, shelf: shelf.clone() });
        Ok(shelf)
    }
}

fn key(number: u32) -> String {
    format!("shelf/{number}")
}
