//! What is still to be sent, in a store without listing: a few shards, each one value.
//!
//! A shard names requests, not states: the notification itself says whether and when it is
//! due. So an entry that is left over costs a look and nothing else, and the order of writes
//! is free: first the notification, then its entry; first its end, then the entry goes.

use chassis::store::{Store, StoreError};

/// Shards, so that acceptances seldom meet.
pub(crate) const SHARD_COUNT: u8 = 16;
/// Most entries of one shard; beyond that nothing is accepted.
pub(crate) const SHARD_LENGTH_MAX: usize = 1_000;

/// Why an entry was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("too much is waiting to be sent")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) async fn add(store: &impl Store, request_id: &str) -> Result<(), Error> {
    let add = |entries: Option<Vec<String>>| {
        let mut entries = entries.unwrap_or_default();
        if !entries.iter().any(|entry| entry == request_id) {
            if entries.len() >= SHARD_LENGTH_MAX {
                return Err(Error::Full);
            }
            entries.push(request_id.to_owned());
        }
        Ok((entries, ()))
    };
    store.update(&key(shard(request_id)), add).await
}

pub(crate) async fn remove(store: &impl Store, request_id: &str) -> Result<(), StoreError> {
    let remove = |entries: Option<Vec<String>>| {
        let mut entries = entries.unwrap_or_default();
        entries.retain(|entry| entry != request_id);
        Ok::<_, StoreError>((entries, ()))
    };
    store.update(&key(shard(request_id)), remove).await
}

/// The entries of a shard, oldest first.
pub(crate) async fn entries(store: &impl Store, shard: u8) -> Result<Vec<String>, StoreError> {
    Ok(store.read(&key(shard)).await?.unwrap_or_default())
}

fn key(shard: u8) -> String {
    format!("due/{shard}")
}

fn shard(request_id: &str) -> u8 {
    let sum = request_id.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    sum % SHARD_COUNT
}
