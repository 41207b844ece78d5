//! Queues of messages to send, by channel, and of failed messages, in a store that can't list keys.
//! Each queue is an index in segments; a segment is a small value. The messages themselves are
//! stored under separate keys.
//!
//! An entry names a request; the notification itself says where it stands. So an entry that is
//! left over costs a look and nothing else, and the order of writes is free: first the
//! notification, then its entry; first its end, then the entry goes. What an entry says beside
//! the name spares readers that look.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Channel, Notification, Priority};

/// Segments of a queue's index. The request's id selects the segment of an entry.
pub const SEGMENT_COUNT: u16 = 256;
/// The maximum number of entries in one segment; a queue has room for about 25,000 messages. If a
/// segment is full, the request fails and has to be repeated later. No entry is dropped to make
/// room.
pub const SEGMENT_LENGTH_MAX: usize = 128;
/// The number of shards of a queue in the former format.
const OLD_SHARD_COUNT: u8 = 16;
/// A message that has been due for so long goes before all others, whatever its priority:
/// urgent ones may be so many that the others would never be sent.
pub const PRIORITY_WAIT_MS: u64 = 600_000;

/// A queue in the store.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    name: &'static str,
}

/// Mails that are neither sent nor failed.
pub const WAITING_EMAIL: Queue = Queue { name: "waiting-email" };
/// Push messages that are neither sent nor failed.
pub const WAITING_PUSH: Queue = Queue { name: "waiting-push" };
/// Notifications that were given up.
pub const FAILED: Queue = Queue { name: "failed" };

/// Where messages of a channel wait.
pub fn waiting(channel: Channel) -> Queue {
    match channel {
        Channel::Email => WAITING_EMAIL,
        Channel::Push => WAITING_PUSH,
    }
}

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
    /// The segment has [`SEGMENT_LENGTH_MAX`] entries.
    #[error("too many messages are waiting or have failed")]
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
                None if entries.len() >= SEGMENT_LENGTH_MAX => return Err(Error::Full),
                None => entries.push(entry.clone()),
            }
            Ok((entries, ()))
        };
        store.update(&self.key(segment(&entry.request_id)), put).await
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

    /// All entries, in no particular order: [`SEGMENT_COUNT`] reads. An unreadable segment does not
    /// stop the others.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn entries(self, store: &impl Store) -> Result<Vec<Entry>, StoreError> {
        let mut all = Vec::new();
        for segment in 0..SEGMENT_COUNT {
            match store.read::<Vec<Entry>>(&self.key(segment)).await {
                Ok(entries) => all.extend(entries.unwrap_or_default()),
                Err(error @ StoreError::Corrupt { .. }) => eprintln!("{}: {error}", self.name),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn change(
        self,
        store: &impl Store,
        request_id: &str,
        mut change: impl FnMut(&mut Vec<Entry>) + Send,
    ) -> Result<(), StoreError> {
        let key = self.key(segment(request_id));
        let change = |entries: Option<Vec<Entry>>| {
            let mut entries = entries.unwrap_or_default();
            change(&mut entries);
            Ok::<_, StoreError>((entries, ()))
        };
        store.update(&key, change).await
    }

    fn key(self, segment: u16) -> String {
        format!("queue/{}/{segment}", self.name)
    }
}

/// FNV-1a.
pub(crate) fn segment(request_id: &str) -> u16 {
    let hash = request_id
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    ((hash >> 16) ^ hash) as u16 % SEGMENT_COUNT
}

/// Moves the entries of queues in the former format. Does nothing if there are none.
///
/// # Errors
/// [`Error::Full`], [`Error::Store`]; the rest stays where it is.
pub async fn adopt_old(store: &impl Store) -> Result<(), Error> {
    for (name, is_failed) in [("waiting", false), ("failed", true)] {
        for shard in 0..OLD_SHARD_COUNT {
            let old = format!("{name}/{shard}");
            let Some(entries) = store.read::<Vec<Entry>>(&old).await? else { continue };
            for entry in &entries {
                let queue = if is_failed { FAILED } else { waiting(entry.channel) };
                queue.put(store, entry).await?;
            }
            store.delete(&old).await?;
        }
    }
    Ok(())
}
