//! The accepted messages.
//!
//! A message is one value under the digest of its idempotency key, so that a repetition finds it
//! for as long as it is stored. Before it is written, it gets a number; afterwards it is listed on
//! the page of its number. Pages are short, so that the cost of a message does not grow with their
//! number. A crash in between leaves a message that is not listed until its sender repeats it, and
//! that was not acknowledged.
//!
//! The first message of a page deletes the oldest page, with its messages.

use chassis::store::{Store, StoreError};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The maximum number of listed messages.
pub const MESSAGE_COUNT_MAX: usize = 500;
/// The number of messages on one page of the list.
const PAGE_LENGTH: u64 = 25;
/// The number of stored pages: one is being filled, and the others are full.
const PAGE_COUNT_MAX: u64 = MESSAGE_COUNT_MAX as u64 / PAGE_LENGTH + 1;
/// The key of the counter of messages, which is not JSON.
const COUNTER: &str = "messages";

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A mail.
    Email,
    /// A message to a device.
    Push,
}

/// A listed message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// `msg_…`.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// A mail address, or a user's id for push messages.
    pub to: String,
    /// One line.
    pub subject: String,
    /// When it was accepted, milliseconds since 1970.
    pub received_at_ms: u64,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its kind.
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

/// A stored message.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    content: Content,
    fingerprint: String,
    received_at_ms: u64,
    /// Its position in the list, from 1.
    number: u64,
}

/// An entry of a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    number: u64,
    #[serde(flatten)]
    summary: Summary,
}

/// The result of accepting a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, or a repetition: the id.
    Id(String),
    /// The key was already used with different content.
    KeyReused,
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

    /// Accepts a message, once for each `key`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn accept(
        &self,
        key: &str,
        content: Content,
        now_ms: u64,
    ) -> Result<Accepted, StoreError> {
        let (id, fingerprint) = (id_of(key), fingerprint(&content));
        let mut stored = self.stored(&id).await?;
        if stored.is_none() {
            let number = self.store.increment(COUNTER, 1).await?.unsigned_abs();
            let fresh = Stored {
                content,
                fingerprint: fingerprint.clone(),
                received_at_ms: now_ms,
                number,
            };
            stored = match self.store.create(&message_key(&id), &fresh).await? {
                true => Some(fresh),
                // A concurrent request has stored the same message.
                false => self.stored(&id).await?,
            };
        }
        let Some(stored) = stored.filter(|stored| stored.fingerprint == fingerprint) else {
            return Ok(Accepted::KeyReused);
        };
        self.list_once(&id, &stored).await?;
        Ok(Accepted::Id(id))
    }

    /// Lists a message, unless it is listed or its page was deleted.
    async fn list_once(&self, id: &str, stored: &Stored) -> Result<(), StoreError> {
        let page = page_of(stored.number);
        let listed: Option<Vec<Entry>> = self.store.read(&page_key(page)).await?;
        let is_first = listed.is_none();
        if listed.unwrap_or_default().iter().any(|entry| entry.summary.id == id) {
            return Ok(());
        }
        if page + PAGE_COUNT_MAX <= page_of(self.last().await?) {
            return self.store.delete(&message_key(id)).await;
        }
        let entry = Entry { number: stored.number, summary: stored.summary(id) };
        self.store
            .modify(&page_key(page), |entries: &mut Vec<Entry>| {
                if !entries.iter().any(|other| other.summary.id == id) {
                    entries.push(entry.clone());
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        if is_first { self.delete_old_pages(page).await } else { Ok(()) }
    }

    /// Deletes the oldest page when this one begins, and those before it that were left by a crash.
    async fn delete_old_pages(&self, page: u64) -> Result<(), StoreError> {
        let mut oldest = page.checked_sub(PAGE_COUNT_MAX);
        while let Some(page) = oldest {
            let Some(entries) = self.store.read::<Vec<Entry>>(&page_key(page)).await? else {
                return Ok(());
            };
            for entry in entries {
                self.store.delete(&message_key(&entry.summary.id)).await?;
            }
            self.store.delete(&page_key(page)).await?;
            oldest = page.checked_sub(1);
        }
        Ok(())
    }

    /// The messages, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self) -> Result<Vec<Summary>, StoreError> {
        let last = page_of(self.last().await?);
        let mut entries: Vec<Entry> = Vec::new();
        for page in last.saturating_sub(PAGE_COUNT_MAX - 1)..=last {
            entries.extend(self.store.read(&page_key(page)).await?.unwrap_or_else(Vec::new));
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.number));
        entries.truncate(MESSAGE_COUNT_MAX);
        Ok(entries.into_iter().map(|entry| entry.summary).collect())
    }

    /// One message with its summary.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, id: &str) -> Result<Option<(Summary, Content)>, StoreError> {
        Ok(self.stored(id).await?.map(|stored| (stored.summary(id), stored.content)))
    }

    async fn stored(&self, id: &str) -> Result<Option<Stored>, StoreError> {
        self.store.read(&message_key(id)).await
    }

    /// The number of the last message.
    async fn last(&self) -> Result<u64, StoreError> {
        Ok(self.store.increment(COUNTER, 0).await?.unsigned_abs())
    }
}

impl Stored {
    fn summary(&self, id: &str) -> Summary {
        Summary {
            id: id.to_owned(),
            kind: self.content.kind,
            to: self.content.to.clone(),
            subject: self.content.subject.clone(),
            received_at_ms: self.received_at_ms,
        }
    }
}

fn page_of(number: u64) -> u64 {
    number.saturating_sub(1) / PAGE_LENGTH
}

fn page_key(page: u64) -> String {
    format!("page/{page}")
}

/// The id of the message with this key.
fn id_of(key: &str) -> String {
    format!("msg_{}", HEXLOWER.encode(&Sha256::digest(key)[..16]))
}

fn fingerprint(content: &Content) -> String {
    let bytes = serde_json::to_vec(content).unwrap_or_default();
    HEXLOWER.encode(&Sha256::digest(&bytes))
}

fn message_key(id: &str) -> String {
    format!("message/{id}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chassis::testing::{MemoryStore, ScriptedStore};

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
    async fn a_key_has_one_message() {
        let store = MemoryStore::new();
        let inbox = Inbox::new(store.clone());
        let first = inbox.accept("k", mail("a"), 1).await.unwrap();
        assert_eq!(inbox.accept("k", mail("a"), 2).await.unwrap(), first);
        assert_eq!(inbox.accept("k", mail("b"), 3).await.unwrap(), Accepted::KeyReused);
        assert_eq!(inbox.list().await.unwrap().len(), 1);
        assert_eq!(store.keys().len(), 3, "a message, its page, the counter: {:?}", store.keys());
    }

    #[tokio::test]
    async fn the_newest_messages_are_first_and_the_oldest_are_deleted() {
        let store = MemoryStore::new();
        let inbox = Inbox::new(store.clone());
        let count = 2 * MESSAGE_COUNT_MAX + 3;
        for n in 0..count {
            inbox.accept(&n.to_string(), mail(&n.to_string()), 1).await.unwrap();
        }
        let list = inbox.list().await.unwrap();
        let subjects: Vec<usize> = list.iter().map(|it| it.subject.parse().unwrap()).collect();
        let newest: Vec<usize> = (count - MESSAGE_COUNT_MAX..count).rev().collect();
        assert_eq!(subjects, newest);
        assert_eq!(counts(&store), (MESSAGE_COUNT_MAX + 3, 21));
    }

    /// The numbers of stored messages and pages.
    fn counts(store: &MemoryStore) -> (usize, usize) {
        let count = |kind: &str| store.keys().iter().filter(|key| key.starts_with(kind)).count();
        (count("message/"), count("page/"))
    }

    #[tokio::test]
    async fn after_a_crash_at_any_step_old_pages_are_deleted() {
        let page = usize::try_from(PAGE_LENGTH).unwrap();
        let full = MESSAGE_COUNT_MAX + page;
        let store = MemoryStore::new();
        for n in 0..full {
            Inbox::new(store.clone()).accept(&n.to_string(), mail("a"), 1).await.unwrap();
        }
        for operations in 0..page + 12 {
            let store = store.copy();
            let crashing = Inbox::new(ScriptedStore::failing_after(operations, store.clone()));
            let _ = crashing.accept("x", mail("a"), 1).await;
            for n in full..full + 2 * page {
                Inbox::new(store.clone()).accept(&n.to_string(), mail("a"), 1).await.unwrap();
            }
            let (messages, pages) = counts(&store);
            assert!(pages <= 21 && messages <= full + 1, "{operations}: {messages} on {pages}");
            assert_eq!(Inbox::new(store).list().await.unwrap().len(), MESSAGE_COUNT_MAX);
        }
    }

    #[tokio::test]
    async fn after_a_crash_at_any_step_listed_messages_can_be_read() {
        for operations in 0..12 {
            let store = MemoryStore::new();
            let crashing = Inbox::new(ScriptedStore::failing_after(operations, store.clone()));
            let accepted = crashing.accept("k", mail("a"), 1).await;
            let inbox = Inbox::new(store);
            let again = inbox.accept("k", mail("a"), 2).await.unwrap();
            assert!(accepted.is_err() || accepted == Ok(again));
            let list = inbox.list().await.unwrap();
            assert_eq!(list.len(), 1, "after {operations} operations");
            assert!(inbox.find(&list[0].id).await.unwrap().is_some());
        }
    }
}
