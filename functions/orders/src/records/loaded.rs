//! An order in memory, between reading and writing it.

use chassis::store::StoreError;

use super::value::{Lease, Record};
use super::{corrupt, order_key};
use crate::domain::saga::{self, Action, Next};
use crate::domain::{Event, Order, Placed, Recorded};

/// An order as it was read, with the events that were added since.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The value, including the added events.
    pub record: Record,
    /// The fold of all events.
    pub order: Order,
    /// The value as it was read; empty for an order that does not exist yet.
    pub(super) stored: Vec<u8>,
    /// The added events.
    pub(super) unsaved: Vec<Recorded>,
}

/// What must not have changed for a decision about the saga to be still valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SagaState {
    version: u64,
    lease: Option<Lease>,
    fence: u64,
}

impl Loaded {
    /// An order that does not exist yet.
    pub(super) fn new(mut record: Record, placed: Placed, at_ms: u64) -> Result<Self, StoreError> {
        let order = Order::new(placed.clone(), at_ms);
        let event = Event::Placed(Box::new(placed));
        let first = Recorded { sequence: order.version, at_ms, event };
        record.add(&order, &first).map_err(|reason| unwritable(&order, &reason))?;
        Ok(Self { record, order, stored: Vec::new(), unsaved: vec![first] })
    }

    /// The order in the value `stored` of this key.
    pub(super) fn read(key: &str, stored: Vec<u8>) -> Result<Self, StoreError> {
        let record: Record =
            serde_json::from_slice(&stored).map_err(|error| corrupt(key, error.to_string()))?;
        let order = record.order().map_err(|reason| corrupt(key, reason))?;
        Ok(Self { record, order, stored, unsaved: Vec::new() })
    }

    /// Adds an event, and what is published about it. Fails if too many events wait to be
    /// published.
    pub fn push(&mut self, event: Event, at_ms: u64) -> Result<(), StoreError> {
        let recorded = Recorded { sequence: self.order.version + 1, at_ms, event };
        self.order.apply(&recorded);
        self.record.add(&self.order, &recorded).map_err(|it| unwritable(&self.order, &it))?;
        self.unsaved.push(recorded);
        Ok(())
    }

    /// Adds all decisions that need no participant. Returns the action that is due, if any.
    pub(crate) fn decide(&mut self, now_ms: u64) -> Result<Option<Action>, StoreError> {
        loop {
            match saga::next(&self.order, now_ms) {
                Next::Record(event) => self.push(event, now_ms)?,
                Next::Act(action) => return Ok(Some(action)),
                Next::Settled | Next::Parked => return Ok(None),
            }
        }
    }

    /// Erases the customer.
    pub(super) fn erase_customer(&mut self) -> Result<(), StoreError> {
        let invalid = |reason| corrupt(&order_key(&self.order.placed.id), reason);
        self.record.erase_customer().map_err(invalid)?;
        self.order = self.record.order().map_err(invalid)?;
        Ok(())
    }

    /// The value was written with these bytes.
    pub(super) fn saved(&mut self, bytes: Vec<u8>) {
        self.stored = bytes;
        self.unsaved.clear();
    }

    /// Whether events were added.
    pub fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Whether another owner that may still be alive holds the lease at that time.
    pub fn is_leased_to_other(&self, owner: &str, incarnation: Option<u64>, at_ms: u64) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| {
            lease.owner != owner
                && lease.until_ms > at_ms
                && !chassis::incarnation::is_over(lease.incarnation, incarnation)
        })
    }

    /// Whether `owner` holds the lease at that time.
    pub fn is_leased_to(&self, owner: &str, at_ms: u64) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| lease.owner == owner && lease.until_ms > at_ms)
    }

    /// Whether nothing is left to do, and everything is published.
    pub fn is_settled(&self, now_ms: u64) -> bool {
        self.record.outbox.is_empty() && saga::next(&self.order, now_ms) == Next::Settled
    }

    /// All events of the order, in the current format.
    pub fn history(&self) -> Result<Vec<Recorded>, StoreError> {
        let key = order_key(&self.order.placed.id);
        self.record.history().map_err(|reason| corrupt(&key, reason))
    }

    /// The state of the saga as it was read.
    pub(super) fn saga_state(&self) -> SagaState {
        SagaState {
            version: self.order.version - self.unsaved.len() as u64,
            lease: self.record.lease.clone(),
            fence: self.record.fence,
        }
    }
}

fn unwritable(order: &Order, reason: &str) -> StoreError {
    StoreError::Unavailable(format!("`{}`: {reason}", order_key(&order.placed.id)))
}
