//! Copies of the users that messages are sent to, from the events of identity.
//!
//! If identity were called for each message, every delivery would depend on it. Each event contains
//! the whole profile, so the one with the highest sequence number is right, regardless of missed
//! events. Users without a copy (their event is still on its way) are looked up at identity.
//!
//! `user/<id>` is a copy; `users/<shard>` is the number of copies and the delay of the newest
//! change. A plain count would be wrong after a crash between two writes. So before a copy is
//! created, its shard stores a numbered note of it; the copy stores that number; and the copy is
//! counted when its note is removed. A note with another number than the copy's belongs to a
//! concurrent delivery and does not count. So the size of the shard does not grow with the number
//! of users: only notes of crashed deliveries stay, until the event is delivered again.

use std::collections::BTreeMap;

use chassis::hash::shard;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::Notifications;
use crate::domain::User;
use crate::ports::Ports;

/// Shards of the count, to avoid write conflicts of registrations.
pub const SHARD_COUNT: u32 = 16;

/// A change of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChange {
    /// The user.
    pub id: String,
    /// The profile after the change.
    pub user: User,
    /// The number of the event among those of this user, from 1.
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
    /// The number of its note, from 1.
    #[serde(default)]
    note: u64,
}

/// The number of copies of some users, and the newest change of them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Shard {
    count: usize,
    /// The number of the last note.
    notes: u64,
    /// The notes of copies that are not counted, by user.
    uncounted: BTreeMap<String, u64>,
    newest: Option<Arrival>,
}

impl Shard {
    /// The number of the note of an earlier delivery, or of a new one.
    fn note(&mut self, id: &str) -> u64 {
        let next = self.notes + 1;
        let number = *self.uncounted.entry(id.to_owned()).or_insert(next);
        self.notes = self.notes.max(number);
        number
    }

    /// Counts the copy with this note, once.
    fn count(&mut self, id: &str, note: u64) {
        if self.uncounted.remove(id) == Some(note) {
            self.count += 1;
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        if self.newest.is_none_or(|newest| newest.happened_ms < arrival.happened_ms) {
            self.newest = Some(arrival);
        }
    }
}

/// A change and its arrival, milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Arrival {
    /// When it happened.
    pub happened_ms: u64,
    /// When it arrived here.
    pub arrived_ms: u64,
}

/// How complete and how fresh the copies are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The number of copies.
    pub entries: usize,
    /// The newest change that has arrived.
    pub newest: Option<Arrival>,
}

impl<P: Ports> Notifications<P> {
    /// The user with this id, from the copy or else from identity.
    pub(super) async fn user(&self, id: &str) -> Result<Option<User>, String> {
        match self.copy(id).await.map_err(|error| error.to_string())? {
            Some(copy) => Ok(copy.user),
            None => self.ports.user(id).await,
        }
    }

    /// Whether this user has deleted their account.
    pub(super) async fn is_deleted(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.copy(id).await?.is_some_and(|copy| copy.user.is_none()))
    }

    async fn copy(&self, id: &str) -> Result<Option<Copied>, StoreError> {
        self.store().read(&user_key(id)).await
    }

    /// Stores a change, unless a newer one is stored.
    ///
    /// # Errors
    /// The store failed. The copy may be stored and not counted until the change is repeated.
    pub async fn store_user(&self, change: &UserChange) -> Result<(), StoreError> {
        let id = &change.id;
        let note = match self.copy(id).await? {
            Some(copy) => copy.note,
            None => self.update_shard(id, |shard| shard.note(id)).await?,
        };
        let store = |copy: Option<Copied>| {
            let note = copy.as_ref().map_or(note, |copy| copy.note);
            let user = Some(change.user.clone());
            let fresh = Copied { user, sequence: change.sequence, note };
            let newest = copy.filter(|copy| copy.sequence >= fresh.sequence).unwrap_or(fresh);
            Ok::<_, StoreError>((newest, note))
        };
        let note = self.store().update(&user_key(id), store).await?;
        let arrival = Arrival { happened_ms: change.at_ms, arrived_ms: self.now_ms() };
        let count = |shard: &mut Shard| {
            shard.count(id, note);
            shard.arrive(arrival);
        };
        self.update_shard(id, count).await
    }

    async fn update_shard<R: Send>(
        &self,
        id: &str,
        mut change: impl FnMut(&mut Shard) -> R + Send,
    ) -> Result<R, StoreError> {
        let key = shard_key(shard(id, SHARD_COUNT));
        self.store().modify(&key, |shard| Ok(change(shard))).await
    }

    /// Erases a user who has deleted their account: the copy, the preferences, and the texts of
    /// messages. The copy is erased first: a call that creates a message concurrently sees this and
    /// erases the message itself. If this is interrupted, the redelivered event finishes it.
    pub(super) async fn erase_user(&self, id: &str, sequence: u64) -> Result<(), StoreError> {
        let erase = |copy: Option<Copied>| {
            let note = copy.as_ref().map_or(0, |copy| copy.note);
            Ok::<_, StoreError>((Copied { user: None, sequence, note }, ()))
        };
        self.store().update(&user_key(id), erase).await?;
        self.store().delete(&super::recipients::preferences_key(id)).await?;
        self.erase_messages(id, None).await
    }

    /// How complete and how fresh the copies are: [`SHARD_COUNT`] reads.
    ///
    /// # Errors
    /// The store failed.
    pub async fn freshness(&self) -> Result<Freshness, StoreError> {
        let mut freshness = Freshness::default();
        for number in 0..SHARD_COUNT {
            let shard: Option<Shard> = self.store().read(&shard_key(number)).await?;
            let shard = shard.unwrap_or_default();
            freshness.entries += shard.count;
            freshness.newest = freshness.newest.max(shard.newest);
        }
        Ok(freshness)
    }
}

fn shard_key(number: u32) -> String {
    format!("users/{number}")
}

fn user_key(id: &str) -> String {
    format!("user/{id}")
}
