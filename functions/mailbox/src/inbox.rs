//! The messages that were taken.
//!
//! One value, `inbox`, lists them newest first, with the idempotency key of each: taking a
//! message is one compare-and-swap of this list, and so a repetition is seen for as long as
//! the message is there. The contents are values of their own, written before the list names
//! them and deleted after it has forgotten them.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most messages that are kept.
pub const MESSAGE_COUNT_MAX: usize = 500;

/// By which way a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A mail.
    Email,
    /// A message to a device.
    Push,
}

/// A message as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// `msg_…`.
    pub id: String,
    /// By which way it came.
    pub kind: Kind,
    /// A mail address, or a user's id for push messages.
    pub to: String,
    /// One line.
    pub subject: String,
    /// When it was taken, milliseconds since 1970.
    pub received_at_ms: u64,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// By which way it came.
    pub kind: Kind,
    /// A mail address, or a user's id for push messages.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML; push messages have none.
    pub html: Option<String>,
    /// BCP 47 tag.
    pub language: Option<String>,
}

/// An entry of the list.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    summary: Summary,
    key: String,
    fingerprint: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is new, or the same as before: the id.
    Id(String),
    /// The key came before with another content.
    Reused,
}

/// The messages in a store.
#[derive(Clone)]
pub struct Inbox<S> {
    store: S,
}

impl<S: Store> Inbox<S> {
    /// The messages in this store.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// Takes a message, once for each `key`.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn take(
        &self,
        key: &str,
        content: Content,
        now_ms: u64,
    ) -> Result<Taken, StoreError> {
        let id = chassis::id::new("msg");
        self.store.create(&message_key(&id), &content).await?;
        let entry = Entry {
            summary: Summary {
                id: id.clone(),
                kind: content.kind,
                to: content.to.clone(),
                subject: content.subject.clone(),
                received_at_ms: now_ms,
            },
            key: key.to_owned(),
            fingerprint: fingerprint(&content),
        };
        let (taken, forgotten) = self
            .store
            .update("inbox", |entries: Option<Vec<Entry>>| {
                Ok::<_, StoreError>(put(entries.unwrap_or_default(), &entry))
            })
            .await?;
        if taken != Taken::Id(id.clone()) {
            self.store.delete(&message_key(&id)).await?;
        }
        for id in forgotten {
            self.store.delete(&message_key(&id)).await?;
        }
        Ok(taken)
    }

    /// The messages, newest first.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(&self) -> Result<Vec<Summary>, StoreError> {
        let entries: Option<Vec<Entry>> = self.store.read("inbox").await?;
        Ok(entries.unwrap_or_default().into_iter().map(|entry| entry.summary).collect())
    }

    /// One message with its summary.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn find(&self, id: &str) -> Result<Option<(Summary, Content)>, StoreError> {
        let Some(summary) = self.list().await?.into_iter().find(|summary| summary.id == id) else {
            return Ok(None);
        };
        let content = self.store.read(&message_key(id)).await?;
        Ok(content.map(|content| (summary, content)))
    }
}

/// The list with `entry` in front, unless its key is there; what became of it, and the ids of
/// the messages that had to make room.
fn put(mut entries: Vec<Entry>, entry: &Entry) -> (Vec<Entry>, (Taken, Vec<String>)) {
    if let Some(earlier) = entries.iter().find(|earlier| earlier.key == entry.key) {
        let taken = match earlier.fingerprint == entry.fingerprint {
            true => Taken::Id(earlier.summary.id.clone()),
            false => Taken::Reused,
        };
        return (entries, (taken, Vec::new()));
    }
    entries.insert(0, entry.clone());
    let forgotten = entries.drain(MESSAGE_COUNT_MAX.min(entries.len())..);
    let forgotten = forgotten.map(|entry| entry.summary.id).collect();
    (entries, (Taken::Id(entry.summary.id.clone()), forgotten))
}

fn fingerprint(content: &Content) -> String {
    let bytes = serde_json::to_vec(content).unwrap_or_default();
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn message_key(id: &str) -> String {
    format!("message/{id}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use chassis::store::{FailingStore, MemoryStore};

    use super::*;

    fn mail(subject: &str) -> Content {
        Content {
            kind: Kind::Email,
            to: "ada@example.org".into(),
            subject: subject.into(),
            text: "text".into(),
            html: None,
            language: None,
        }
    }

    #[tokio::test]
    async fn a_key_brings_one_message_however_often_it_comes() {
        let store = MemoryStore::new();
        let inbox = Inbox::new(store.clone());
        let first = inbox.take("k", mail("a"), 1).await.unwrap();
        assert_eq!(inbox.take("k", mail("a"), 2).await.unwrap(), first);
        assert_eq!(inbox.take("k", mail("b"), 3).await.unwrap(), Taken::Reused);
        assert_eq!(inbox.list().await.unwrap().len(), 1);
        assert_eq!(store.keys().len(), 2, "no contents are left behind: {:?}", store.keys());
    }

    #[tokio::test]
    async fn the_newest_come_first_and_the_oldest_make_room() {
        let store = MemoryStore::new();
        let inbox = Inbox::new(store.clone());
        for n in 0..MESSAGE_COUNT_MAX + 3 {
            inbox.take(&n.to_string(), mail(&n.to_string()), 1).await.unwrap();
        }
        let list = inbox.list().await.unwrap();
        assert_eq!((list.len(), list[0].subject.as_str()), (MESSAGE_COUNT_MAX, "502"));
        assert_eq!(list.last().unwrap().subject, "3");
        assert_eq!(store.keys().len(), MESSAGE_COUNT_MAX + 1);
    }

    #[tokio::test]
    async fn what_is_listed_can_be_read_whenever_the_taking_died() {
        for operations in 0..6 {
            let store = MemoryStore::new();
            let dying = Inbox::new(FailingStore::after(operations, store.clone()));
            let taken = dying.take("k", mail("a"), 1).await;
            let inbox = Inbox::new(store);
            let again = inbox.take("k", mail("a"), 2).await.unwrap();
            assert!(taken.is_err() || taken == Ok(again));
            let list = inbox.list().await.unwrap();
            assert_eq!(list.len(), 1, "after {operations} operations");
            assert!(inbox.find(&list[0].id).await.unwrap().is_some());
        }
    }
}
