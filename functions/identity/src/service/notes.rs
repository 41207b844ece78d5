//! Notes of work that must be continued after a crash.
//!
//! A store can't list its keys, so work is first noted in one of a few lists, and a sweep processes
//! all notes. Lists are bounded: if one is full, no new work of its kind starts until some is
//! finished.

use super::{Error, Identity};
use crate::ports::Environment;
use chassis::store::{Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The maximum number of notes in one list.
pub(super) const SHARD_LENGTH_MAX: usize = 1_000;

/// A note of started work.
pub(super) trait Note: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The prefix of the keys of its lists.
    const KIND: &'static str;
    /// The number of lists. Every sweep reads all of them.
    const SHARDS: u8;

    /// The name of the work. A second note with the same name replaces the first.
    fn name(&self) -> &str;
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Notes that this work starts.
    pub(super) async fn note<N: Note>(&self, note: &N) -> Result<(), Error> {
        let add = |shard: Option<Vec<N>>| {
            let mut shard = shard.unwrap_or_default();
            shard.retain(|other| other.name() != note.name());
            if shard.len() >= SHARD_LENGTH_MAX {
                return Err(StoreError::Backlog { what: N::KIND, max: SHARD_LENGTH_MAX });
            }
            shard.push(note.clone());
            Ok((shard, ()))
        };
        Ok(self.store.update(&shard_key::<N>(shard_of::<N>(note.name())), add).await?)
    }

    /// Removes the note of finished work.
    pub(super) async fn done<N: Note>(&self, name: &str) -> Result<(), Error> {
        let remove = |shard: Option<Vec<N>>| {
            let mut shard = shard.unwrap_or_default();
            shard.retain(|note| note.name() != name);
            Ok::<_, StoreError>((shard, ()))
        };
        Ok(self.store.update(&shard_key::<N>(shard_of::<N>(name)), remove).await?)
    }

    /// All work of this kind that is not known to be finished.
    pub(super) async fn noted<N: Note>(&self) -> Result<Vec<N>, Error> {
        let mut notes = Vec::new();
        for number in 0..N::SHARDS {
            let shard: Option<Vec<N>> = self.store.read(&shard_key::<N>(number)).await?;
            notes.extend(shard.unwrap_or_default());
        }
        Ok(notes)
    }
}

fn shard_of<N: Note>(name: &str) -> u8 {
    let sum = name.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    sum % N::SHARDS
}

fn shard_key<N: Note>(number: u8) -> String {
    format!("{}/{number}", N::KIND)
}
