//! Copies of the users that messages go to, kept by what identity publishes.
//!
//! Asking identity for each message would make every delivery fail while identity does. Each
//! event carries the whole user, so the newest by its sequence number is right, whatever was
//! missed before it. Who is not here yet (the event is still on its way) is asked for.
//!
//! `user/<id>` is a copy; `users/<shard>` is how many there are and how late the last one came.
//! A count alone is wrong after the first crash between two writes. So a note with a number of
//! its own is made of each copy first; the copy keeps that number; and whoever takes the note
//! away counts the copy. A note with another number than the copy's is of somebody who came
//! second, and counts for nothing. What a change writes thus does not grow with the users:
//! only those notes stay whose delivery died, until it is repeated.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::Notifications;
use crate::ports::{Provider, Templates, User, Users};

/// Shards of the count, so that registrations seldom meet.
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
    /// `None` after the account was deleted: a late event must not restore it.
    user: Option<User>,
    sequence: u64,
    /// The number of the note that was made before; from 1.
    #[serde(default)]
    note: u64,
}

/// How many copies some users have, and the newest change among them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Shard {
    count: usize,
    /// Notes ever made.
    notes: u64,
    /// Numbers of the notes of copies that are being made, by user.
    uncounted: BTreeMap<String, u64>,
    newest: Option<Arrival>,
}

impl Shard {
    /// Makes a note, or finds the one that a delivery before this one has left; its number.
    fn note(&mut self, id: &str) -> u64 {
        let next = self.notes + 1;
        let number = *self.uncounted.entry(id.to_owned()).or_insert(next);
        self.notes = self.notes.max(number);
        number
    }

    /// Counts the copy that was made under this note, once.
    fn count(&mut self, id: &str, note: u64) {
        if self.uncounted.remove(id) == Some(note) {
            self.count += 1;
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        if self.newest.is_none_or(|there| there.happened_ms < arrival.happened_ms) {
            self.newest = Some(arrival);
        }
    }
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
            Some(copy) => Ok(copy.user),
            None => self.users.get(id).await,
        }
    }

    /// Keeps a change, unless a newer one is here.
    ///
    /// # Errors
    /// The store did not answer; the copy may be kept and not counted until the change comes
    /// again.
    pub async fn keep(&self, change: &Change, now_ms: u64) -> Result<(), StoreError> {
        let id = &change.id;
        let (user_key, shard_key) = (user_key(id), shard_key(shard(id)));
        let note = match self.store.read::<Copied>(&user_key).await? {
            Some(copy) => copy.note,
            None => {
                let note = |shard: Option<Shard>| {
                    let mut shard = shard.unwrap_or_default();
                    let number = shard.note(id);
                    Ok::<_, StoreError>((shard, number))
                };
                self.store.update(&shard_key, note).await?
            }
        };
        let keep = |copy: Option<Copied>| {
            let note = copy.as_ref().map_or(note, |there| there.note);
            let user = Some(change.user.clone());
            let fresh = Copied { user, sequence: change.sequence, note };
            let newest = copy.filter(|there| there.sequence >= fresh.sequence).unwrap_or(fresh);
            Ok::<_, StoreError>((newest, note))
        };
        let note = self.store.update(&user_key, keep).await?;
        let count = |shard: Option<Shard>| {
            let mut shard = shard.unwrap_or_default();
            shard.count(id, note);
            shard.arrive(Arrival { happened_ms: change.at_ms, arrived_ms: now_ms });
            Ok::<_, StoreError>((shard, ()))
        };
        self.store.update(&shard_key, count).await
    }

    /// Whether this user has deleted their account.
    pub(super) async fn is_gone(&self, id: &str) -> Result<bool, StoreError> {
        let copy: Option<Copied> = self.store.read(&user_key(id)).await?;
        Ok(copy.is_some_and(|copy| copy.user.is_none()))
    }

    /// Erases a user who has deleted their account: the copy, the preferences, and the texts of
    /// messages. The copy is erased first: a call that creates a message concurrently sees this and
    /// erases the message itself. If this is interrupted, the redelivered event finishes it.
    pub(super) async fn forget_person(&self, id: &str, sequence: u64) -> Result<(), StoreError> {
        let forget = |copy: Option<Copied>| {
            let note = copy.as_ref().map_or(0, |there| there.note);
            Ok::<_, StoreError>((Copied { user: None, sequence, note }, ()))
        };
        self.store.update(&user_key(id), forget).await?;
        self.store.delete(&super::reading::preferences_key(id)).await?;
        self.erase_messages(id, None).await
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
            freshness.entries += shard.count;
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
