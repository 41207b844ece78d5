//! The value of one order.
//!
//! The events are the truth. They lie there as they were written and are only looked into
//! when they are needed. A snapshot spares reading the older ones: it bears the version of
//! its form, and one that does not fit is as good as none.

use chassis::inbox::Sequences;
use chassis::outbox::{Draft, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::upcast::Reader;
use crate::domain::event::SCHEMA;
use crate::domain::{Order, Recorded, published};

/// Events after which the next snapshot is taken: more than an order has that meets no
/// trouble, since reading these few costs less than carrying a snapshot along.
pub const SNAPSHOT_EVERY: u64 = 32;
/// The version of the form of [`Order`]. Any change of that type needs a new number.
pub const SNAPSHOT_SCHEMA: u32 = 2;

/// What the store holds of one order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Oldest first, numbered from 1, as they were written; see [`Record::erase_customer`].
    events: Vec<Box<RawValue>>,
    /// The order as it was after some of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<Box<RawValue>>,
    /// Whoever drives the saga now.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// What is to be published.
    #[serde(default)]
    pub outbox: Outbox,
    /// Which news of others was heard.
    #[serde(default)]
    pub inbox: Sequences,
    /// When news was last heard, in milliseconds since the epoch.
    #[serde(default)]
    pub heard_at_ms: Option<u64>,
    /// Its place in the register of all orders; 0 if it is older than the register
    /// and was not written since.
    #[serde(default)]
    pub place: u64,
    /// The page of its user's index that lists it; none if it is older than this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u64>,
    /// Counts how often late writes were shut out.
    #[serde(default)]
    pub fence: u64,
}

/// The right to drive a saga, until a time in milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The request that drives, by its unique name.
    pub owner: String,
    /// From then on anybody may drive, in milliseconds since the epoch.
    pub until_ms: u64,
    /// The run of the host in which it was taken. In a later run the owner is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
}

/// An order after some of its events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SNAPSHOT_SCHEMA`] when it was taken.
    pub schema: u32,
    /// The order; its version tells after which event.
    pub order: Order,
}

#[derive(Serialize)]
struct Stored<'a> {
    v: u32,
    #[serde(flatten)]
    recorded: &'a Recorded,
}

impl Record {
    /// An order without events yet.
    pub(super) fn at(place: u64, page: u64, lease: Lease) -> Self {
        Self { place, page: Some(page), lease: Some(lease), ..Self::default() }
    }

    /// Whether an entry on this page of its user's index is the one that counts.
    pub(super) fn is_listed_on(&self, page: u64) -> bool {
        self.page.is_none_or(|own| own == page)
    }

    /// The order that the events make, or what is wrong with them.
    pub fn order(&self) -> Result<Order, String> {
        match self.base() {
            Some(base) => {
                Ok(self.read_after(base.version)?.into_iter().fold(base, |mut order, recorded| {
                    order.apply(&recorded);
                    order
                }))
            }
            None => {
                Order::fold(&self.history()?).ok_or_else(|| "it begins without `placed`".to_owned())
            }
        }
    }

    /// All events in today's form, or what is wrong with them.
    pub fn history(&self) -> Result<Vec<Recorded>, String> {
        self.read_after(0)
    }

    /// Forgets the snapshot; the order stays the same.
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

    /// After which event the snapshot was taken; none if there is none that can be used.
    pub fn snapshot_version(&self) -> Option<u64> {
        self.base().map(|order| order.version)
    }

    fn base(&self) -> Option<Order> {
        let snapshot: Snapshot = serde_json::from_str(self.snapshot.as_ref()?.get()).ok()?;
        let fits = snapshot.schema == SNAPSHOT_SCHEMA
            && (1..=self.events.len() as u64).contains(&snapshot.order.version);
        fits.then_some(snapshot.order)
    }

    /// The events after the one with this number. Snapshots exist since version 2, so what
    /// comes after one needs nothing of the events before it to be understood.
    fn read_after(&self, version: u64) -> Result<Vec<Recorded>, String> {
        let mut reader = Reader::default();
        let numbered = (1..).zip(&self.events).filter(|(number, _)| *number > version);
        numbered
            .map(|(number, stored)| match reader.read(stored)? {
                recorded if recorded.sequence == number => Ok(recorded),
                recorded => Err(format!("event {} in the place of {number}", recorded.sequence)),
            })
            .collect()
    }

    /// Adds events to those that make `order`, with what others are to hear of them; answers
    /// the order after them. The error is what forbids it.
    pub(super) fn append(
        &mut self,
        order: Option<&Order>,
        events: &[Recorded],
    ) -> Result<Order, String> {
        let first = order.map_or(1, |order| order.version + 1);
        if !(first..).zip(events).all(|(number, recorded)| recorded.sequence == number) {
            return Err(format!("the next event is number {first}"));
        }
        // An order from before there was anything to hear tells all of it now.
        let untold = self.outbox.last_sequence() == 0;
        let past = if untold { self.history()? } else { Vec::new() };
        let known = order.filter(|_| !untold);
        let after = self.tell(known.cloned(), past.iter().chain(events))?;
        for recorded in events {
            let stored = to_raw_value(&Stored { v: SCHEMA, recorded });
            self.events.push(stored.map_err(|error| error.to_string())?);
        }
        if after.version >= self.snapshot_version().unwrap_or_default() + SNAPSHOT_EVERY {
            let snapshot = Snapshot { schema: SNAPSHOT_SCHEMA, order: after.clone() };
            self.snapshot = to_raw_value(&snapshot).ok();
        }
        Ok(after)
    }

    /// Puts what others are to hear of these events into the outbox.
    fn tell<'a>(
        &mut self,
        mut order: Option<Order>,
        events: impl Iterator<Item = &'a Recorded>,
    ) -> Result<Order, String> {
        for recorded in events {
            let after = match order.take() {
                Some(order) => order.after(std::slice::from_ref(recorded)),
                None => Order::fold(std::slice::from_ref(recorded))
                    .ok_or_else(|| "it begins without `placed`".to_owned())?,
            };
            if let Some((kind, data)) = published::of(&after, recorded) {
                let draft = Draft {
                    source: published::SOURCE.to_owned(),
                    kind: kind.to_owned(),
                    subject: after.placed.id.clone(),
                    at_ms: recorded.at_ms,
                    data,
                };
                self.outbox.push(draft).map_err(|full| full.to_string())?;
            }
            order = Some(after);
        }
        order.ok_or_else(|| "there are no events".to_owned())
    }
}
