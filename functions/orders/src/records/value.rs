//! The value of one order.
//!
//! The events are the only source of truth. They are stored as they were written, and parsed only
//! when they are needed. A snapshot saves reading the older events. It contains the version of its
//! format, and one of another version is ignored.

#[cfg(test)]
mod tests;

use chassis::inbox::Sequences;
use chassis::outbox::{Draft, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::upcast::Reader;
use crate::domain::event::SCHEMA;
use crate::domain::{Order, Recorded, published};

/// The number of events after which the next snapshot is taken: more than an order without
/// failures has, since reading these is cheaper than storing a snapshot.
pub const SNAPSHOT_EVERY: u64 = 32;
/// The version of the format of [`Order`]. Any change of that type needs a new number.
pub const SNAPSHOT_SCHEMA: u32 = 2;

/// The stored value of one order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Oldest first, numbered from 1, as they were written; see [`Record::erase_customer`].
    events: Vec<Box<RawValue>>,
    /// The order after some of the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<Box<RawValue>>,
    /// The lease of the request that continues the saga.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// The events to publish.
    #[serde(default)]
    pub outbox: Outbox,
    /// The numbers of the last processed events of others.
    #[serde(default)]
    pub inbox: Sequences,
    /// When an event of shipping was last processed, in milliseconds since the epoch.
    #[serde(default, rename = "heard_at_ms")]
    pub shipping_event_at_ms: Option<u64>,
    /// Its number in the register of all orders; 0 if it is older than the register and was not
    /// written since.
    #[serde(default, rename = "place")]
    pub register_number: u64,
    /// The page of its user's index that lists it; `None` in values from before this field existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u64>,
    /// Incremented to make the writes of late requests fail.
    #[serde(default)]
    pub fence: u64,
}

/// The right to continue a saga for a limited time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The unique name of the request that holds it.
    pub owner: String,
    /// The expiry time in milliseconds since the epoch.
    pub until_ms: u64,
    /// The run of the host in which it was taken. In a later run, the owner is certainly dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
}

/// An order after some of its events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SNAPSHOT_SCHEMA`] when it was taken.
    pub schema: u32,
    /// The order; its version is the number of the last included event.
    pub order: Order,
}

#[derive(Serialize)]
struct Stored<'a> {
    v: u32,
    #[serde(flatten)]
    recorded: &'a Recorded,
}

impl Record {
    /// An order without events.
    pub(super) fn new(register_number: u64, page: u64, lease: Lease) -> Self {
        Self { register_number, page: Some(page), lease: Some(lease), ..Self::default() }
    }

    /// Whether the valid entry in its user's index is on this page.
    pub(super) fn is_listed_on(&self, page: u64) -> bool {
        self.page.is_none_or(|own| own == page)
    }

    /// The fold of the events. The error says what is wrong with them.
    pub fn order(&self) -> Result<Order, String> {
        match self.base() {
            Some(base) => {
                let later = self.read_after(base.version)?;
                Ok(base.after(&later))
            }
            None => fold(&self.history()?),
        }
    }

    /// All events in the current format. The error says what is wrong with them.
    pub fn history(&self) -> Result<Vec<Recorded>, String> {
        self.read_after(0)
    }

    /// Removes the snapshot, which does not change the order.
    pub fn drop_snapshot(&mut self) {
        self.snapshot = None;
    }

    /// Erases the customer from the first event, of any version, and drops the snapshot. The error
    /// says what is wrong with the event.
    pub(super) fn erase_customer(&mut self) -> Result<(), String> {
        let first = self.events.first_mut().ok_or("there are no events")?;
        let text = |error: serde_json::Error| error.to_string();
        let mut stored: Map<String, Value> = serde_json::from_str(first.get()).map_err(text)?;
        stored.insert("shipping_address".to_owned(), Value::Null);
        stored.insert("payment_method".to_owned(), Value::from(""));
        *first = to_raw_value(&stored).map_err(text)?;
        self.snapshot = None;
        Ok(())
    }

    /// The number of the last event in the snapshot; `None` if no usable snapshot exists.
    pub fn snapshot_version(&self) -> Option<u64> {
        self.base().map(|order| order.version)
    }

    fn base(&self) -> Option<Order> {
        let snapshot: Snapshot = serde_json::from_str(self.snapshot.as_ref()?.get()).ok()?;
        let is_usable = snapshot.schema == SNAPSHOT_SCHEMA
            && (1..=self.events.len() as u64).contains(&snapshot.order.version);
        is_usable.then_some(snapshot.order)
    }

    /// The events after the one with this number. Snapshots exist since version 2, so events after
    /// a snapshot can be read without the events before it.
    fn read_after(&self, version: u64) -> Result<Vec<Recorded>, String> {
        let mut reader = Reader::default();
        let numbered = (1..).zip(&self.events).filter(|(number, _)| *number > version);
        numbered
            .map(|(number, stored)| match reader.read(stored)? {
                recorded if recorded.sequence == number => Ok(recorded),
                recorded => Err(format!("expected event {number}, found {}", recorded.sequence)),
            })
            .collect()
    }

    /// Adds an event, and what is published about it. `after` is the order after the event. The
    /// error says why it can't be added.
    pub(super) fn add(&mut self, after: &Order, recorded: &Recorded) -> Result<(), String> {
        if self.outbox.last_sequence() == 0 {
            // An order that is older than the outbox publishes its whole history now.
            let history = self.history()?;
            for (end, past) in (1..).zip(&history) {
                self.publish(&fold(&history[..end])?, past)?;
            }
        }
        self.publish(after, recorded)?;
        let stored = to_raw_value(&Stored { v: SCHEMA, recorded });
        self.events.push(stored.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn publish(&mut self, after: &Order, recorded: &Recorded) -> Result<(), String> {
        let Some((kind, data)) = published::of(after, recorded) else { return Ok(()) };
        let draft = Draft {
            source: published::SOURCE.to_owned(),
            kind: kind.to_owned(),
            subject: after.placed.id.clone(),
            at_ms: recorded.at_ms,
            data,
        };
        self.outbox.push(draft).map_err(|full| full.to_string())
    }

    /// Takes a snapshot, if it is due. `order` is the fold of all events.
    pub(super) fn take_snapshot(&mut self, order: &Order) {
        if order.version >= self.snapshot_version().unwrap_or_default() + SNAPSHOT_EVERY {
            let snapshot = Snapshot { schema: SNAPSHOT_SCHEMA, order: order.clone() };
            self.snapshot = to_raw_value(&snapshot).ok();
        }
    }
}

fn fold(events: &[Recorded]) -> Result<Order, String> {
    Order::fold(events).ok_or_else(|| "the first event is not `placed`".to_owned())
}
