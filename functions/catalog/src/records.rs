//! The shards of products in the store.
//!
//! Parsing JSON costs more than reading it. An instance that serves many requests remembers each
//! parsed shard with the bytes that it was parsed from, and parses again only if the bytes in the
//! store differ. So the memo is never wrong, and an instance that serves one request only parses.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::events::Producer;
use chassis::outbox::{HasOutbox, Relay};
use chassis::parts::Parts;
use chassis::store::{Store, StoreError, same_bytes};
use serde::Serialize;

use crate::domain::{Product, SHARDS, Shard, shard_of};
use crate::search::Texts;

/// The shards that an instance has parsed. Clones share it.
#[derive(Clone, Default)]
pub struct Memo(Arc<[Mutex<Option<Parsed>>; SHARDS as usize]>);

struct Parsed {
    bytes: Vec<u8>,
    shard: Arc<Searchable>,
}

/// A shard, with the texts of its products for the search.
#[derive(Clone, Debug, Default)]
pub struct Searchable {
    shard: Shard,
    /// In the order of the products.
    texts: Vec<Texts>,
}

impl Searchable {
    fn new(shard: Shard) -> Self {
        Searchable { texts: shard.products().map(Texts::of).collect(), shard }
    }

    /// The products with their texts, ordered by SKU.
    pub fn products_with_texts(&self) -> impl Iterator<Item = (&Product, &Texts)> {
        self.shard.products().zip(&self.texts)
    }
}

impl Deref for Searchable {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Published events.
    pub published: usize,
    /// Shards whose events could not be published.
    pub failed: usize,
}

/// All shards of a store, whose changes are published.
#[derive(Clone)]
pub struct Records<S, P> {
    store: S,
    relay: Relay<S, P>,
    memo: Memo,
}

impl<S: Store, P: Producer> Records<S, P> {
    /// The shards in `store`. `memo` must not have been used with another store.
    pub fn new(store: S, producer: P, memo: Memo) -> Self {
        Records { relay: Relay::new(store.clone(), producer), store, memo }
    }

    /// The shard of this SKU: one read.
    pub async fn of(&self, sku: &str) -> Result<Arc<Searchable>, StoreError> {
        self.numbered(shard_of(sku)).await
    }

    /// All shards: [`SHARDS`] reads.
    pub async fn all(&self) -> Result<Vec<Arc<Searchable>>, StoreError> {
        self.each(0..SHARDS).await
    }

    /// The shards with these numbers.
    pub async fn each(
        &self,
        numbers: impl IntoIterator<Item = u32, IntoIter: Send> + Send,
    ) -> Result<Vec<Arc<Searchable>>, StoreError> {
        let mut shards = Vec::with_capacity(SHARDS as usize);
        for number in numbers {
            shards.push(self.numbered(number).await?);
        }
        Ok(shards)
    }

    /// Changes the shard of this SKU atomically, and publishes the events that are due. `change`
    /// may be called more than once. If publishing fails, a sweep publishes the events.
    pub async fn update<R: Send, E: From<StoreError> + Send>(
        &self,
        sku: &str,
        mut change: impl FnMut(&mut Shard) -> Result<R, E> + Send,
    ) -> Result<R, E> {
        let change = |shard: &mut Shard| {
            let before = shard.changed_at();
            let result = change(shard)?;
            Ok::<_, E>((result, shard.is_publication_due(before)))
        };
        let key = key(shard_of(sku));
        let (result, is_due) = self.store.modify(&key, change).await?;
        if is_due && let Err(error) = self.relay.flush::<Shard>(&key).await {
            eprintln!("the events of {key} will be published later: {error}");
        }
        Ok(result)
    }

    /// Publishes the pending events of all shards. There are so few shards that all are read,
    /// without an index of changes. An unreadable shard does not stop the others.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let (mut swept, mut parts) = (Swept::default(), Parts::new());
        for number in 0..SHARDS {
            let part = self.sweep_shard(number, &mut swept).await;
            parts.done(&key(number), part);
        }
        parts.end(swept)
    }

    async fn sweep_shard(&self, number: u32, swept: &mut Swept) -> Result<(), StoreError> {
        let (shard, key) = (self.numbered(number).await?, key(number));
        if shard.has_unannounced() {
            let announce = |shard: &mut Shard| {
                shard.announce_missing();
                Ok::<_, StoreError>(())
            };
            self.store.modify(&key, announce).await?;
        } else if shard.outbox().is_empty() {
            return Ok(());
        }
        match self.relay.flush::<Shard>(&key).await {
            Ok(flushed) => swept.published += flushed.published,
            Err(error) => {
                eprintln!("the events of {key} will be published later: {error}");
                swept.failed += 1;
            }
        }
        Ok(())
    }

    async fn numbered(&self, number: u32) -> Result<Arc<Searchable>, StoreError> {
        let key = key(number);
        let Some(bytes) = self.store.get(&key).await? else {
            return Ok(Arc::default());
        };
        let mut seen = self.memo.0[number as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = seen.as_ref().filter(|parsed| same_bytes(&parsed.bytes, &bytes)) {
            return Ok(parsed.shard.clone());
        }
        let shard: Shard = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Corrupt { key, reason: error.to_string() })?;
        let shard = Arc::new(Searchable::new(shard));
        *seen = Some(Parsed { bytes, shard: shard.clone() });
        Ok(shard)
    }
}

fn key(number: u32) -> String {
    format!("shelf/{number}")
}
