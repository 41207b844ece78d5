//! Copies of the users that messages go to, kept by what identity publishes.
//!
//! Asking identity for each message would make every delivery fail while identity does. Each
//! event carries the whole user, so the newest by its sequence number is right, whatever was
//! missed before it. Who is not here yet (the event is still on its way) is asked for.
//!
//! `user/<id>` is a copy; `users/<shard>` are the ids of all copies and how late the last one
//! came. The ids are kept, not a count, because a count is wrong after the first crash between
//! two writes.

use std::collections::BTreeSet;

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::Notifications;
use crate::ports::{Provider, Templates, User, Users};

/// Shards of the ids, so that registrations seldom meet.
pub const SHARD_COUNT: u8 = 16;

/// What identity published of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The user.
    pub id: String,
    /// As they are now.
    pub user: User,
    /// The place among the events of this user, from 1.
    pub sequence: u64,
    /// When it happened, milliseconds since 1970.
    pub at_ms: u64,
}

/// A copy.
#[derive(Serialize, Deserialize)]
struct Copied {
    user: User,
    sequence: u64,
}

/// Some ids, and the newest change among them.
#[derive(Default, Serialize, Deserialize)]
struct Shard {
    ids: BTreeSet<String>,
    newest: Option<Arrival>,
}

/// A change and its arrival, milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Arrival {
    /// When it happened.
    pub happened_ms: u64,
    /// When it was here.
    pub arrived_ms: u64,
}

/// How complete and how fresh the copies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Copies.
    pub entries: usize,
    /// The newest change that is here.
    pub newest: Option<Arrival>,
}

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// The user with this id, from the copy or else from identity.
    pub(super) async fn person(&self, id: &str) -> Result<Option<User>, String> {
        let copy: Option<Copied> =
            self.store.read(&user_key(id)).await.map_err(|error| error.to_string())?;
        match copy {
            Some(copy) => Ok(Some(copy.user)),
            None => self.users.get(id).await,
        }
    }

    /// Keeps a change, unless a newer one is here.
    ///
    /// # Errors
    /// The store did not answer; nothing may have been kept.
    pub async fn keep(&self, change: &Change, now_ms: u64) -> Result<(), StoreError> {
        // The id first: a copy that is not counted would never be.
        let arrival = Arrival { happened_ms: change.at_ms, arrived_ms: now_ms };
        let note = |shard: Option<Shard>| {
            let mut shard = shard.unwrap_or_default();
            shard.ids.insert(change.id.clone());
            let older = shard.newest.is_none_or(|there| there.happened_ms < arrival.happened_ms);
            if older {
                shard.newest = Some(arrival);
            }
            Ok::<_, StoreError>((shard, ()))
        };
        self.store.update(&shard_key(shard(&change.id)), note).await?;
        let keep = |copy: Option<Copied>| {
            let fresh = Copied { user: change.user.clone(), sequence: change.sequence };
            let newest = copy.filter(|there| there.sequence >= fresh.sequence).unwrap_or(fresh);
            Ok::<_, StoreError>((newest, ()))
        };
        self.store.update(&user_key(&change.id), keep).await
    }

    /// How complete and how fresh the copies are: [`SHARD_COUNT`] reads.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn freshness(&self) -> Result<Freshness, StoreError> {
        let mut freshness = Freshness { entries: 0, newest: None };
        for number in 0..SHARD_COUNT {
            let shard: Option<Shard> = self.store.read(&shard_key(number)).await?;
            let shard = shard.unwrap_or_default();
            freshness.entries += shard.ids.len();
            freshness.newest = freshness.newest.max(shard.newest);
        }
        Ok(freshness)
    }
}

fn shard(id: &str) -> u8 {
    let sum = id.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    sum % SHARD_COUNT
}

fn shard_key(number: u8) -> String {
    format!("users/{number}")
}

fn user_key(id: &str) -> String {
    format!("user/{id}")
}
