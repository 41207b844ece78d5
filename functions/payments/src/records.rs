//! How payments and the order of the ledger are stored.

use chassis::register::{Register, Stretch};
use chassis::store::{Conflicts, Store, StoreError};
use chassis::worklist::{Options, Worklist};
use serde::{Deserialize, Serialize};

use crate::domain::{Event, Kind, Payment, Posting, Recorded, postings};

/// The maximum number of slots of the ledger that are read for one page, including empty ones.
const SLOTS_MAX: u64 = 400;
/// The key of the last booked line of the provider's statement.
const STATEMENT_KEY: &str = "statement_read";
/// The counter of slots.
const SLOTS_KEY: &str = "ledger_slots";
/// Payments whose charges are undecided at the provider. If there are too many, further ones are
/// refused until others are settled.
const WATCHED: Options = Options {
    prefix: "watched",
    shards: 1,
    shard_length_max: 1_000,
    what: "payments that are undecided at the provider",
};

/// The value of one payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Oldest first, numbered from 1.
    pub events: Vec<Recorded>,
    /// Its position in the register of all payments.
    #[serde(rename = "place", default)]
    pub position: Option<u64>,
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

    /// Whether it has movements from before the provider's statement was read, which can't be compared
    /// with the statement.
    pub fn is_unstated(&self) -> bool {
        self.events.iter().any(|recorded| recorded.event.is_without_amount())
    }

    fn add(&mut self, events: Vec<Event>, at_ms: u64, slot: Option<u64>) {
        for event in events {
            let sequence = self.events.len() as u64 + 1;
            let slot = slot.filter(|_| event.moves_money());
            self.events.push(Recorded { sequence, at_ms, slot, event });
        }
    }
}

/// A position in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Counts from 1.
    pub slot: u64,
    /// The number of postings of that slot before it.
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

    /// The payments that sweeps check.
    pub fn watched(&self) -> Worklist<S, (String, u64)> {
        Worklist::new(self.store.clone(), WATCHED)
    }

    /// The payment with this id, and its events; `None` if there is none.
    pub async fn load(&self, id: &str) -> Result<Option<(Payment, Record)>, StoreError> {
        let record: Option<Record> = self.store.read(&payment_key(id)).await?;
        Ok(record.map(|record| (Payment::fold(id, &record.events), record)))
    }

    /// Changes a payment: `decide` gets the current payment (`None` if it is new) and returns the
    /// events to add. It may be called more than once. Returns the changed payment.
    ///
    /// # Errors
    /// Those of `decide` and of the store.
    pub async fn change<E: From<StoreError>>(
        &self,
        id: &str,
        at_ms: u64,
        decide: impl Fn(Option<&Payment>) -> Result<Vec<Event>, E> + Send,
    ) -> Result<Payment, E> {
        let key = payment_key(id);
        let (mut slot, mut position, mut conflicts) = (None, None, Conflicts::default());
        loop {
            let (record, mut version) = self.store.load::<Record>(&key).await?;
            let payment = record.as_ref().map(|record| Payment::fold(id, &record.events));
            let events = decide(payment.as_ref())?;
            if slot.is_none() && events.iter().any(Event::moves_money) {
                slot = Some(self.take_slot(id).await?);
            }
            if version.is_absent() && position.is_none() && !events.is_empty() {
                position = Some(self.register().enter(id).await?);
            }
            let before = record.unwrap_or_default();
            let mut after = before.clone();
            after.add(events, at_ms, slot);
            after.position = after.position.or(position);
            if after == before || self.store.swap(&mut version, &after).await? {
                return Ok(Payment::fold(id, &after.events));
            }
            conflicts.count(&key)?;
        }
    }

    /// Takes the next slot of the ledger for a payment, before the payment records the movement: a
    /// movement without a slot must not exist.
    async fn take_slot(&self, id: &str) -> Result<u64, StoreError> {
        let slot = self.store.increment(SLOTS_KEY, 1).await?.unsigned_abs();
        self.store.write(&slot_key(slot), &id).await?;
        Ok(slot)
    }

    /// Up to `limit` postings of the ledger, oldest first, and the position of the next one.
    pub async fn postings(
        &self,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Posting>, Option<Position>), StoreError> {
        let last = self.store.increment(SLOTS_KEY, 0).await?.unsigned_abs();
        let mut at = from.unwrap_or(Position { slot: 1, line: 0 });
        let mut found = Vec::new();
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
    pub async fn postings_after(
        &self,
        after: u64,
    ) -> Result<(Vec<Posting>, Option<u64>), StoreError> {
        let from = Position { slot: after.saturating_add(1), line: 0 };
        let (postings, next) = self.postings(Some(from), usize::MAX).await?;
        Ok((postings, next.map(|next| next.slot - 1)))
    }

    /// Up to `limit` payments in the order of their creation, after the position `after`.
    pub async fn payments(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Stretch<(Payment, Record)>, StoreError> {
        let read = |position, id: String| async move {
            let known = self.load(&id).await?;
            Ok(known.filter(|(_, record)| record.position == Some(position)))
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
        Ok(record.map(|record| postings(&id, &record.events, slot)).unwrap_or_default())
    }
}

fn payment_key(id: &str) -> String {
    format!("payment:{id}")
}

fn slot_key(slot: u64) -> String {
    format!("ledger:{slot}")
}
