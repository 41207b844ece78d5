//! The messages that were taken.
//!
//! A message is one value under the digest of its idempotency key, so that a repetition finds
//! it for as long as it is there. Before it is written it takes a number; afterwards it is
//! listed on the page that its number belongs to. Pages are short, so that a message costs
//! little however many there are. A crash between the two leaves a message that is not listed
//! until its sender repeats it, and that nobody was told of.
//!
//! Whoever begins a page deletes the page whose turn it is, with its messages.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most messages that are listed.
pub const MESSAGE_COUNT_MAX: usize = 500;
/// Messages of one page of the list.
const PAGE_LENGTH: u64 = 25;
/// Pages that are kept: one is being filled, and the others are full.
const PAGE_COUNT_MAX: u64 = MESSAGE_COUNT_MAX as u64 / PAGE_LENGTH + 1;
/// The counter of messages. Never JSON.
const COUNTER: &str = "messages";

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

/// A message as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    content: Content,
    fingerprint: String,
    received_at_ms: u64,
    /// Its place in the list. Counts from 1.
    number: u64,
}

/// An entry of a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    number: u64,
    #[serde(flatten)]
    summary: Summary,
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
        let (id, fingerprint) = (id_of(key), fingerprint(&content));
        let mut kept = self.kept(&id).await?;
        if kept.is_none() {
            let number = self.store.increment(COUNTER, 1).await?.unsigned_abs();
            let fresh =
                Kept { content, fingerprint: fingerprint.clone(), received_at_ms: now_ms, number };
            kept = match self.store.create(&message_key(&id), &fresh).await? {
                true => Some(fresh),
                // Somebody else has taken the same message meanwhile.
                false => self.kept(&id).await?,
            };
        }
        let Some(kept) = kept.filter(|kept| kept.fingerprint == fingerprint) else {
            return Ok(Taken::Reused);
        };
        self.enter(&id, &kept).await?;
        Ok(Taken::Id(id))
    }

    /// Lists a message, unless it is listed or its page is gone.
    async fn enter(&self, id: &str, kept: &Kept) -> Result<(), StoreError> {
        let page = page_of(kept.number);
        let listed: Option<Vec<Entry>> = self.store.read(&page_key(page)).await?;
        let begun = listed.is_none();
        if listed.unwrap_or_default().iter().any(|entry| entry.summary.id == id) {
            return Ok(());
        }
        if page + PAGE_COUNT_MAX <= page_of(self.last().await?) {
            return self.store.delete(&message_key(id)).await;
        }
        let entry = Entry { number: kept.number, summary: kept.summary(id) };
        self.store
            .update(&page_key(page), |entries: Option<Vec<Entry>>| {
                let mut entries = entries.unwrap_or_default();
                if !entries.iter().any(|there| there.summary.id == id) {
                    entries.push(entry.clone());
                }
                Ok::<_, StoreError>((entries, ()))
            })
            .await?;
        if begun { self.make_room(page).await } else { Ok(()) }
    }

    /// Deletes what has to go once this page has begun: the page whose turn it is, and those
    /// before it that a crash has left.
    async fn make_room(&self, page: u64) -> Result<(), StoreError> {
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
    /// The store did not answer.
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
    /// The store did not answer.
    pub async fn find(&self, id: &str) -> Result<Option<(Summary, Content)>, StoreError> {
        Ok(self.kept(id).await?.map(|kept| (kept.summary(id), kept.content)))
    }

    async fn kept(&self, id: &str) -> Result<Option<Kept>, StoreError> {
        self.store.read(&message_key(id)).await
    }

    /// The number that was given last.
    async fn last(&self) -> Result<u64, StoreError> {
        Ok(self.store.increment(COUNTER, 0).await?.unsigned_abs())
    }
}

impl Kept {
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

/// The same for every message with this key.
fn id_of(key: &str) -> String {
    let digest = hex(&Sha256::digest(key.as_bytes()));
    format!("msg_{}", &digest[..32])
}

fn fingerprint(content: &Content) -> String {
    let bytes = serde_json::to_vec(content).unwrap_or_default();
    hex(&Sha256::digest(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
        assert_eq!(store.keys().len(), 3, "a message, its page, the counter: {:?}", store.keys());
    }

    #[tokio::test]
    async fn the_newest_come_first_and_the_oldest_make_room() {
        let store = MemoryStore::new();
        let inbox = Inbox::new(store.clone());
        let count = 2 * MESSAGE_COUNT_MAX + 3;
        for n in 0..count {
            inbox.take(&n.to_string(), mail(&n.to_string()), 1).await.unwrap();
        }
        let list = inbox.list().await.unwrap();
        let subjects: Vec<usize> = list.iter().map(|it| it.subject.parse().unwrap()).collect();
        let newest: Vec<usize> = (count - MESSAGE_COUNT_MAX..count).rev().collect();
        assert_eq!(subjects, newest);
        assert_eq!(kept(&store), (MESSAGE_COUNT_MAX + 3, 21));
    }

    /// How many messages and how many pages there are.
    fn kept(store: &MemoryStore) -> (usize, usize) {
        let count = |kind: &str| store.keys().iter().filter(|key| key.starts_with(kind)).count();
        (count("message/"), count("page/"))
    }

    #[tokio::test]
    async fn room_is_made_whenever_the_making_died() {
        let page = usize::try_from(PAGE_LENGTH).unwrap();
        let full = MESSAGE_COUNT_MAX + page;
        let store = MemoryStore::new();
        for n in 0..full {
            Inbox::new(store.clone()).take(&n.to_string(), mail("a"), 1).await.unwrap();
        }
        for operations in 0..page + 12 {
            let store = store.copy();
            let dying = Inbox::new(FailingStore::after(operations, store.clone()));
            let _ = dying.take("x", mail("a"), 1).await;
            for n in full..full + 2 * page {
                Inbox::new(store.clone()).take(&n.to_string(), mail("a"), 1).await.unwrap();
            }
            let (messages, pages) = kept(&store);
            assert!(pages <= 21 && messages <= full + 1, "{operations}: {messages} on {pages}");
            assert_eq!(Inbox::new(store).list().await.unwrap().len(), MESSAGE_COUNT_MAX);
        }
    }

    #[tokio::test]
    async fn what_is_listed_can_be_read_whenever_the_taking_died() {
        for operations in 0..12 {
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
