//! The queues: messages to send, by channel, and failed messages.
//!
//! A queue is a list of entries that refer to notifications, which have the truth: an obsolete
//! entry costs a look and nothing else. So the order of writes is: first the notification, then its
//! entry; first its end, then the removal of the entry.

use chassis::store::{Store, StoreError};
use chassis::worklist::{self, Options, Worklist};
use serde::{Deserialize, Serialize};

use crate::domain::{Channel, Notification, Priority};

/// The number of shards of a queue.
pub const SHARD_COUNT: u32 = 256;
/// The maximum number of entries in one shard; a queue has room for about 25,000 messages. If a
/// shard is full, the request fails and has to be repeated later.
pub const SHARD_LENGTH_MAX: usize = 128;
/// A message that has been due for this time goes before all others, whatever its priority:
/// otherwise, many urgent messages could delay the others forever. Milliseconds.
pub const PRIORITY_WAIT_MS: u64 = 600_000;

/// Where older versions stored the queues: prefixes of keys, and the number of keys.
const FORMER: [(&str, u32); 5] = [
    ("waiting", 16),
    ("failed", 16),
    ("queue/waiting-email", 256),
    ("queue/waiting-push", 256),
    ("queue/failed", 256),
];
/// Exists if no entry is stored under a former key.
const MIGRATED_KEY: &str = "queue/migrated";

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Mails to send.
    Email,
    /// Push messages to send.
    Push,
    /// Failed messages.
    Failed,
}

/// An entry of a queue. It repeats what spares a look at the notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The key of the notification.
    pub request_id: String,
    /// The notification.
    pub id: String,
    /// Its channel.
    pub channel: Channel,
    /// Its priority.
    pub priority: Priority,
    /// When it was put into this queue, milliseconds since 1970.
    pub since_ms: u64,
    /// When to look at the notification, milliseconds since 1970. A replay or a crash can make this
    /// too late for a short time.
    pub not_before_ms: u64,
}

impl worklist::Entry for Entry {
    type List = Vec<Self>;

    fn subject(&self) -> &str {
        &self.request_id
    }

    fn since_ms(&self) -> u64 {
        self.since_ms
    }
}

impl Entry {
    /// The entry of this notification in the queue of its state.
    pub fn of(notification: &Notification) -> Self {
        let failed_ms = notification.failures.last().map_or(0, |failure| failure.at_ms);
        let waits_ms = notification.replayed_at_ms.unwrap_or(notification.created_at_ms);
        let since_ms = if notification.is_failed() { failed_ms } else { waits_ms };
        Entry {
            request_id: notification.request_id.clone(),
            id: notification.id.clone(),
            channel: notification.channel,
            priority: notification.priority,
            since_ms,
            not_before_ms: notification.due_ms().unwrap_or(since_ms),
        }
    }

    /// The sort key: long overdue messages, then by priority, then by age.
    pub fn rank(&self, now_ms: u64) -> (Priority, &str) {
        let is_overdue = now_ms.saturating_sub(self.not_before_ms) > PRIORITY_WAIT_MS;
        (if is_overdue { Priority::High } else { self.priority }, &self.id)
    }
}

impl Queue {
    /// All queues.
    pub const ALL: [Queue; 3] = [Queue::Email, Queue::Push, Queue::Failed];

    /// The queue of the messages to send on a channel.
    pub fn of(channel: Channel) -> Self {
        match channel {
            Channel::Email => Queue::Email,
            Channel::Push => Queue::Push,
        }
    }

    /// The name in the API and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Queue::Email => "email.queue",
            Queue::Push => "push.queue",
            Queue::Failed => "failed.queue",
        }
    }

    /// The queue with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// Whether a notification belongs in this queue.
    pub fn contains(self, notification: &Notification) -> bool {
        match self {
            Queue::Failed => notification.is_failed(),
            queue => !notification.is_over() && queue == Queue::of(notification.channel),
        }
    }

    /// The stored queue.
    pub fn list<S: Store>(self, store: &S) -> Worklist<S, Entry> {
        let options = Options {
            prefix: self.name(),
            shards: SHARD_COUNT,
            shard_length_max: SHARD_LENGTH_MAX,
            what: "messages",
        };
        Worklist::new(store.clone(), options)
    }
}

/// Moves the entries that older versions have stored under other keys.
///
/// # Errors
/// The store failed, or a queue is full. The rest stays where it is.
pub async fn migrate<S: Store>(store: &S) -> Result<(), StoreError> {
    if store.get(MIGRATED_KEY).await?.is_some() {
        return Ok(());
    }
    for (prefix, keys) in FORMER {
        for number in 0..keys {
            let key = format!("{prefix}/{number}");
            let Some(entries) = store.read::<Vec<Entry>>(&key).await? else { continue };
            for entry in &entries {
                let is_failed = prefix.ends_with("failed");
                let queue = if is_failed { Queue::Failed } else { Queue::of(entry.channel) };
                queue.list(store).put(entry).await?;
            }
            store.delete(&key).await?;
        }
    }
    store.write(MIGRATED_KEY, &true).await
}
