//! Notes of work that must not be forgotten when the process dies in the middle of it.
//!
//! A store can't list its keys, so what has begun is noted first, in one of a few lists; a sweep
//! looks at all that is still noted. Lists are bounded: where one is full, no more of its work is
//! begun until some is done.

use super::{Error, Identity};
use crate::ports::Environment;
use chassis::store::{Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most notes in one of them.
pub(super) const SHARD_LENGTH_MAX: usize = 1_000;

/// Work that has begun.
pub(super) trait Note: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// Begins the keys of its lists.
    const KIND: &'static str;
    /// How many lists there are: every sweep reads all of them.
    const SHARDS: u8;

    /// Names the work: a second note of the same name takes the place of the first.
    fn name(&self) -> &str;
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Notes that this work begins.
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

    /// The work of this name is done.
    pub(super) async fn done<N: Note>(&self, name: &str) -> Result<(), Error> {
        let remove = |shard: Option<Vec<N>>| {
            let mut shard = shard.unwrap_or_default();
            shard.retain(|note| note.name() != name);
            Ok::<_, StoreError>((shard, ()))
        };
        Ok(self.store.update(&shard_key::<N>(shard_of::<N>(name)), remove).await?)
    }

    /// All work of this kind that has begun and is not known to be done.
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
