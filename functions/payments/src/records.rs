//! How payments and the order of the ledger lie in the store.

mod watched;

use chassis::register::{Register, Stretch};
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Entry};
use crate::domain::{Event, Kind, Payment, Recorded};
use crate::ledger::{self, Posting};

/// How often a write is repeated when somebody else wrote the payment meanwhile.
const CONFLICTS_MAX: u32 = 16;
/// Slots of the ledger that one page looks at, empty ones included.
const SLOTS_MAX: u64 = 400;
/// The key of the last booked line of the provider's statement.
const STATEMENT_KEY: &str = "statement_read";
/// The counter of slots. Never JSON.
const SLOTS_KEY: &str = "ledger_slots";

/// The value of one payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Oldest first, numbered from 1.
    pub events: Vec<Recorded>,
    /// Its place in the register of all payments.
    #[serde(default)]
    pub place: Option<u64>,
}

impl Record {
    /// Whether movements of this kind were booked on both sides before the provider's statement
    /// was read.
    pub fn has_booked_whole(&self, kind: Kind) -> bool {
        let whole = |event: &Event| match kind {
            Kind::Capture => *event == Event::Captured { amount: None },
            Kind::Refund => *event == Event::Refunded { amount: None },
            Kind::Chargeback => false,
        };
        self.events.iter().any(|recorded| whole(&recorded.event))
    }
}

/// Where a reader of the ledger has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Counts from 1.
    pub slot: u64,
    /// Postings of that slot that were read already.
    pub line: usize,
}

/// The payments in a store.
#[derive(Clone)]
pub struct Records<S> {
    store: S,
}

impl<S: Store> Records<S> {
    /// The payments in this store.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// The payment with this id; none if nobody has ever named it.
    pub async fn load(&self, id: &str) -> Result<Option<(Payment, Record)>, StoreError> {
        let record: Option<Record> = self.store.read(&payment_key(id)).await?;
        Ok(record.map(|record| (Payment::fold(id, &record.events), record)))
    }

    /// Changes a payment: `decide` sees it as it is (none if it is new) and answers what to
    /// add, possibly more than once. Answers the payment with the additions.
    pub async fn change<E: From<StoreError>>(
        &self,
        id: &str,
        at_ms: u64,
        decide: impl Fn(Option<&Payment>) -> Result<Vec<Event>, E> + Send,
    ) -> Result<Payment, E> {
        let key = payment_key(id);
        let (mut slot, mut place) = (None, None);
        for _ in 0..CONFLICTS_MAX {
            let bytes = self.store.get(&key).await?;
            let record: Option<Record> =
                bytes.as_deref().map(|bytes| decode(&key, bytes)).transpose()?;
            let payment = record.as_ref().map(|record| Payment::fold(id, &record.events));
            let events = decide(payment.as_ref())?;
            let before = record.unwrap_or_default();
            if slot.is_none() && events.iter().any(Event::moves_money) {
                slot = Some(self.take_slot(id).await?);
            }
            if bytes.is_none() && place.is_none() && !events.is_empty() {
                place = Some(self.register().enter(id).await?);
            }
            let mut after = add(&before, events, at_ms, slot);
            after.place = after.place.or(place);
            let changed = Payment::fold(id, &after.events);
            if after == before || self.write(&key, bytes.as_deref(), &after).await? {
                return Ok(changed);
            }
        }
        Err(StoreError::Contended(key).into())
    }

    async fn write(
        &self,
        key: &str,
        before: Option<&[u8]>,
        after: &Record,
    ) -> Result<bool, StoreError> {
        let bytes = serde_json::to_vec(after).map_err(|error| corrupt(key, &error))?;
        match before {
            Some(before) => self.store.compare_and_swap(key, Some(before), &bytes).await,
            None => self.store.create_bytes_guarded(key, &bytes).await,
        }
    }

    /// Takes the next slot of the ledger in the name of a payment, before the payment
    /// records the movement: a movement without a slot can't be.
    async fn take_slot(&self, id: &str) -> Result<u64, StoreError> {
        let slot = self.store.increment(SLOTS_KEY, 1).await?.unsigned_abs();
        self.store.write(&slot_key(slot), &id).await?;
        Ok(slot)
    }

    /// Up to `limit` postings of the ledger, oldest first, and where the rest begins.
    pub async fn postings(
        &self,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Posting>, Option<Position>), StoreError> {
        let last = self.store.increment(SLOTS_KEY, 0).await?.unsigned_abs();
        let mut at = from.unwrap_or(Position { slot: 1, line: 0 });
        let mut found = Vec::with_capacity(limit);
        let end = last.min(at.slot.saturating_add(SLOTS_MAX));
        while at.slot <= end {
            let postings = self.slot(at.slot).await?;
            for posting in postings.into_iter().skip(at.line) {
                if found.len() == limit {
                    return Ok((found, Some(at)));
                }
                found.push(posting);
                at.line += 1;
            }
            at = Position { slot: at.slot + 1, line: 0 };
        }
        Ok((found, (at.slot <= last).then_some(at)))
    }

    /// The postings of up to `SLOTS_MAX` slots after the slot `after`, and the last slot that was
    /// read if there are more.
    pub async fn stretch(&self, after: u64) -> Result<(Vec<Posting>, Option<u64>), StoreError> {
        let last = self.store.increment(SLOTS_KEY, 0).await?.unsigned_abs();
        let end = last.min(after.saturating_add(SLOTS_MAX));
        let mut found = Vec::new();
        for slot in after.saturating_add(1)..=end {
            found.extend(self.slot(slot).await?);
        }
        Ok((found, (end < last).then_some(end)))
    }

    /// Up to `limit` payments in the order of their coming, those after the place `after`.
    pub async fn entries(&self, after: u64, limit: u32) -> Result<Stretch<Entry>, StoreError> {
        let read = |place, id: String| {
            let store = self.store.clone();
            async move {
                let record: Option<Record> = store.read(&payment_key(&id)).await?;
                let record = record.filter(|record| record.place == Some(place));
                Ok(record.map(|record| audit::entry(&id, &record.events)))
            }
        };
        self.register().stretch(after, limit, read).await
    }

    /// The last booked line of the provider's statement; 0 at first.
    pub async fn statement_position(&self) -> Result<u64, StoreError> {
        Ok(self.store.read(STATEMENT_KEY).await?.unwrap_or(0))
    }

    /// All lines up to this one are booked.
    pub async fn advance_statement(&self, line: u64) -> Result<(), StoreError> {
        let advance = |known: Option<u64>| Ok((known.unwrap_or(0).max(line), ()));
        self.store.update(STATEMENT_KEY, advance).await
    }

    fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "payment")
    }

    async fn slot(&self, slot: u64) -> Result<Vec<Posting>, StoreError> {
        let Some(id) = self.store.read::<String>(&slot_key(slot)).await? else {
            return Ok(Vec::new());
        };
        let record: Option<Record> = self.store.read(&payment_key(&id)).await?;
        Ok(record.map(|record| ledger::postings(&id, &record.events, slot)).unwrap_or_default())
    }
}

fn add(before: &Record, events: Vec<Event>, at_ms: u64, slot: Option<u64>) -> Record {
    let mut record = before.clone();
    for event in events {
        let sequence = record.events.len() as u64 + 1;
        let slot = slot.filter(|_| event.moves_money());
        record.events.push(Recorded { sequence, at_ms, slot, event });
    }
    record
}

fn decode(key: &str, bytes: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| corrupt(key, &error))
}

fn corrupt(key: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt { key: key.to_owned(), reason: error.to_string() }
}

fn payment_key(id: &str) -> String {
    format!("payment:{id}")
}

fn slot_key(slot: u64) -> String {
    format!("ledger:{slot}")
}
