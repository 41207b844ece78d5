//! Lists of unfinished work, in stores that can't list keys.
//!
//! A request that might die before it has finished its work first writes an entry, and removes it
//! afterwards. A sweep ([`Worklist::sweep`], or [`Worklist::round`] for full control) finds the
//! entries of requests that died. Work must be idempotent: two sweeps may do it at once.
//!
//! A list consists of shards, each of which is one value, so entries of different subjects seldom
//! compete for the same key. Shards are bounded: if one is full, new work is refused
//! ([`StoreError::Backlog`]) until a sweep has made room.

mod round;
#[cfg(test)]
mod tests;

pub use round::{Group, Outcome, Round, Shard, Swept};

use crate::hash;
use crate::store::{Store, StoreError};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// An entry of a list.
pub trait Entry: Clone + PartialEq + Send + Sync + 'static {
    /// How the entries of a shard are stored, usually `Vec<Self>`.
    type List: Default
        + Serialize
        + DeserializeOwned
        + FromIterator<Self>
        + IntoIterator<Item = Self>
        + Send
        + Sync;

    /// What the work is about, usually an id. It selects the shard.
    fn subject(&self) -> &str;

    /// When the work was begun, in milliseconds since the epoch.
    fn since_ms(&self) -> u64;

    /// Whether the other entry is about the same work: [`Worklist::put`] replaces it.
    fn is_same(&self, other: &Self) -> bool {
        self.subject() == other.subject()
    }
}

/// An id and the time since which it is in the list, stored as a JSON object.
impl Entry for (String, u64) {
    type List = std::collections::BTreeMap<String, u64>;

    fn subject(&self) -> &str {
        &self.0
    }

    fn since_ms(&self) -> u64 {
        self.1
    }
}

/// Where a list is stored, and how long it can get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The prefix of its keys: shard 7 is stored under `<prefix>/7`. A list of one shard is stored
    /// under the prefix itself.
    pub prefix: &'static str,
    /// The number of shards.
    pub shards: u32,
    /// The maximum number of entries in one shard.
    pub shard_length_max: usize,
    /// What the entries stand for, in the plural, for [`StoreError::Backlog`].
    pub what: &'static str,
}

/// A list of unfinished work.
#[derive(Clone, Debug)]
pub struct Worklist<S, E> {
    store: S,
    options: Options,
    entry: PhantomData<fn() -> E>,
}

impl<S: Store, E: Entry> Worklist<S, E> {
    /// The list in this store.
    pub fn new(store: S, options: Options) -> Self {
        Self { store, options, entry: PhantomData }
    }

    /// The number of the shard for this subject.
    pub fn shard(&self, subject: &str) -> u32 {
        hash::shard(subject, self.options.shards)
    }

    /// Adds the entry, or replaces the entry about the same work.
    ///
    /// # Errors
    /// [`StoreError::Backlog`] if its shard is full; the store's errors.
    pub async fn put(&self, entry: &E) -> Result<(), StoreError> {
        let Options { shard_length_max: max, what, .. } = self.options;
        self.change(self.shard(entry.subject()), |entries| {
            match entries.iter().position(|known| known.is_same(entry)) {
                Some(index) => entries[index] = entry.clone(),
                None if entries.len() >= max => return Err(StoreError::Backlog { what, max }),
                None => entries.push(entry.clone()),
            }
            Ok(())
        })
        .await
    }

    /// Removes all entries of this subject. Does nothing if there are none.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn remove(&self, subject: &str) -> Result<(), StoreError> {
        let keep = |entries: &mut Vec<E>| {
            entries.retain(|entry| entry.subject() != subject);
            Ok(())
        };
        self.change(self.shard(subject), keep).await
    }

    /// Removes these entries from the shard in which they were found. Entries that have been
    /// replaced in the meantime stay.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn forget(&self, shard: u32, gone: &[E]) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let keep = |entries: &mut Vec<E>| {
            entries.retain(|entry| !gone.contains(entry));
            Ok(())
        };
        self.change(shard, keep).await
    }

    /// Changes the entries of a shard in one update. `change` is called again if another writer was
    /// faster, so it must have no side effects.
    ///
    /// # Errors
    /// Those of `change`, which leave the shard as it was; the store's errors.
    pub async fn change<R: Send, X: From<StoreError> + Send>(
        &self,
        shard: u32,
        mut change: impl FnMut(&mut Vec<E>) -> Result<R, X> + Send,
    ) -> Result<R, X> {
        let change = |list: Option<E::List>| {
            let mut entries: Vec<E> = list.unwrap_or_default().into_iter().collect();
            let result = change(&mut entries)?;
            Ok((entries.into_iter().collect::<E::List>(), result))
        };
        self.store.update(&self.key(shard), change).await
    }

    /// The entries of a shard.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn entries_in(&self, shard: u32) -> Result<Vec<E>, StoreError> {
        let list: Option<E::List> = self.store.read(&self.key(shard)).await?;
        Ok(list.into_iter().flatten().collect())
    }

    /// All entries: one read for each shard. An unreadable shard is logged and skipped.
    ///
    /// # Errors
    /// The store can't be reached.
    pub async fn entries(&self) -> Result<Vec<E>, StoreError> {
        let mut all = Vec::new();
        for shard in 0..self.options.shards {
            match self.entries_in(shard).await {
                Ok(entries) => all.extend(entries),
                Err(error @ StoreError::Corrupt { .. }) => eprintln!("{error}"),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Goes through all shards once. `seed` selects the first shard, and the first subject in each:
    /// use another one for each sweep, so that no work is always the last.
    pub fn round(&self, seed: u64) -> Round<'_, S, E> {
        Round::new(self, seed)
    }

    /// Does the work of up to `limit` subjects. `work` gets all entries of a subject. If it returns
    /// [`Outcome::Finished`], they are removed. Work that fails does not stop other work.
    ///
    /// # Errors
    /// The first shard that could not be read or written, after all others were processed.
    pub async fn sweep<X, F>(
        &self,
        seed: u64,
        limit: usize,
        mut work: impl FnMut(Group<E>) -> F + Send,
    ) -> Result<Swept, StoreError>
    where
        X: std::fmt::Debug + Send,
        F: Future<Output = Result<Outcome, X>> + Send,
    {
        let (mut swept, mut round) = (Swept::default(), self.round(seed));
        while let Some(shard) = round.next().await {
            let mut gone = Vec::new();
            for group in shard.groups {
                if swept.looked_at >= limit {
                    swept.left += 1;
                    continue;
                }
                let (subject, entries) = (group.subject.clone(), group.entries.clone());
                if swept.count(&subject, work(group).await) == Outcome::Finished {
                    gone.extend(entries);
                }
            }
            round.note(self.forget(shard.number, &gone).await);
        }
        round.end().map(|()| swept)
    }

    fn key(&self, shard: u32) -> String {
        let prefix = self.options.prefix;
        if self.options.shards == 1 { prefix.to_owned() } else { format!("{prefix}/{shard}") }
    }
}
