//! What is still to be sent and what was given up, in a store without listing: each queue is
//! a few shards, each one value.
//!
//! An entry names a request; the notification itself says where it stands. So an entry that is
//! left over costs a look and nothing else, and the order of writes is free: first the
//! notification, then its entry; first its end, then the entry goes. What an entry says beside
//! the name spares readers that look.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Channel, Notification, Priority};

/// Shards of a queue, so that writers seldom meet.
pub const SHARD_COUNT: u8 = 16;
/// Most entries of one shard. A full shard of waiting messages accepts no more; one of failed
/// messages forgets the oldest.
pub const SHARD_LENGTH_MAX: usize = 1_000;
/// A message that has been due for so long goes before all others, whatever its priority:
/// urgent ones may be so many that the others would never be sent.
pub const PRIORITY_WAIT_MS: u64 = 600_000;

/// A queue in the store.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    name: &'static str,
}

/// Notifications that are neither sent nor given up.
pub const WAITING: Queue = Queue { name: "waiting" };
/// Notifications that were given up.
pub const FAILED: Queue = Queue { name: "failed" };

/// An entry of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where the notification is kept.
    pub request_id: String,
    /// The notification.
    pub id: String,
    /// Which way it goes.
    pub channel: Channel,
    /// What goes first.
    pub priority: Priority,
    /// Since when it is in this queue, milliseconds since 1970.
    pub since_ms: u64,
    /// Not worth a look before, milliseconds since 1970. The truth may be earlier only when a
    /// replay or a crash came in between, and then it comes soon.
    pub not_before_ms: u64,
}

/// Why an entry was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The shard has [`SHARD_LENGTH_MAX`] entries.
    #[error("too much is waiting to be sent")]
    Full,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Entry {
    /// The entry of this notification, in a queue since then.
    pub fn of(notification: &Notification, since_ms: u64) -> Self {
        Entry {
            request_id: notification.request_id.clone(),
            id: notification.id.clone(),
            channel: notification.channel,
            priority: notification.priority,
            since_ms,
            not_before_ms: since_ms,
        }
    }

    /// Orders entries by what goes first: the long neglected, then the urgent, then the older.
    pub fn rank(&self, now_ms: u64) -> (Priority, &str) {
        let neglected = now_ms.saturating_sub(self.not_before_ms) > PRIORITY_WAIT_MS;
        (if neglected { Priority::High } else { self.priority }, &self.id)
    }
}

impl Queue {
    /// Make the entry, or replace that of the same request.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Store`].
    pub async fn put(self, store: &impl Store, entry: &Entry) -> Result<(), Error> {
        let put = |entries: Option<Vec<Entry>>| {
            let mut entries = entries.unwrap_or_default();
            match entries.iter().position(|there| there.request_id == entry.request_id) {
                Some(index) => entries[index] = entry.clone(),
                None if entries.len() >= SHARD_LENGTH_MAX => return Err(Error::Full),
                None => entries.push(entry.clone()),
            }
            Ok((entries, ()))
        };
        store.update(&self.key(shard(&entry.request_id)), put).await
    }

    /// Make the entry unless there is one of the same request, at the expense of the oldest,
    /// which is answered.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn push(
        self,
        store: &impl Store,
        entry: &Entry,
    ) -> Result<Option<Entry>, StoreError> {
        let push = |entries: Option<Vec<Entry>>| {
            let mut entries = entries.unwrap_or_default();
            if entries.iter().any(|there| there.request_id == entry.request_id) {
                return Ok::<_, StoreError>((entries, None));
            }
            let oldest = (entries.len() >= SHARD_LENGTH_MAX).then(|| entries.remove(0));
            entries.push(entry.clone());
            Ok((entries, oldest))
        };
        store.update(&self.key(shard(&entry.request_id)), push).await
    }

    /// Look at the request's entry no earlier than then.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn postpone(
        self,
        store: &impl Store,
        request_id: &str,
        not_before_ms: u64,
    ) -> Result<(), StoreError> {
        self.change(store, request_id, |entries| {
            for entry in entries.iter_mut().filter(|entry| entry.request_id == request_id) {
                entry.not_before_ms = not_before_ms;
            }
        })
        .await
    }

    /// Take the request's entry away; fine if there is none.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn remove(self, store: &impl Store, request_id: &str) -> Result<(), StoreError> {
        let keep = |entries: &mut Vec<Entry>| entries.retain(|it| it.request_id != request_id);
        self.change(store, request_id, keep).await
    }

    /// All entries, in no particular order: [`SHARD_COUNT`] reads.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn entries(self, store: &impl Store) -> Result<Vec<Entry>, StoreError> {
        let mut all = Vec::new();
        for shard in 0..SHARD_COUNT {
            let entries: Option<Vec<Entry>> = store.read(&self.key(shard)).await?;
            all.extend(entries.unwrap_or_default());
        }
        Ok(all)
    }

    async fn change(
        self,
        store: &impl Store,
        request_id: &str,
        mut change: impl FnMut(&mut Vec<Entry>) + Send,
    ) -> Result<(), StoreError> {
        let key = self.key(shard(request_id));
        let change = |entries: Option<Vec<Entry>>| {
            let mut entries = entries.unwrap_or_default();
            change(&mut entries);
            Ok::<_, StoreError>((entries, ()))
        };
        store.update(&key, change).await
    }

    fn key(self, shard: u8) -> String {
        format!("{}/{shard}", self.name)
    }
}

fn shard(request_id: &str) -> u8 {
    let sum = request_id.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    sum % SHARD_COUNT
}
