//! How far the parcels of an order have come.
//!
//! Shipping tells by events, each with the state of all parcels of an order. They are heard
//! once each, in their order. A look at an order asks shipping itself only if nothing was
//! heard for so long that events may have been lost.

use chassis::events;
use chassis::inbox::Admission;
use chassis::store::{Store, StoreError};
use serde::Deserialize;

use super::{Orders, TOUCH_MS};
use crate::domain::saga::{self, Next};
use crate::domain::{Event, Order, Parcel, Recorded, Status, parcel};
use crate::ports::{Clock, Participants};
use crate::records::Loaded;

/// The type of event that is listened to.
pub const SHIPMENT_CHANGED: &str = "com.shop.shipping.shipment.changed.v1";
/// How long after its confirmation an order of which shipping has told nothing is asked for,
/// in milliseconds.
const UNHEARD_MS: u64 = 5_000;
/// How long after the last news an order that travels is asked for, in milliseconds.
const SILENT_MS: u64 = 60 * 60_000;
/// How often a write is repeated when somebody else wrote the order meanwhile.
const CONFLICTS_MAX: u32 = 16;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is recorded, or was before, or concerns no order of ours.
    Done,
    /// The one with this number has not come yet; it should come again after that one.
    TooEarly(u64),
    /// It is not what shipping tells.
    Malformed(String),
}

#[derive(Deserialize)]
struct Changed {
    order_id: String,
    shipments: Vec<Parcel>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Records what an event of shipping tells about the parcels of an order.
    pub async fn hear(&self, event: &events::Event) -> Result<Heard, StoreError> {
        let changed: Changed = match serde_json::from_str(&event.data) {
            Ok(changed) => changed,
            Err(error) => return Ok(Heard::Malformed(error.to_string())),
        };
        for _ in 0..CONFLICTS_MAX {
            let Some(mut loaded) = self.records.load(&changed.order_id).await? else {
                return Ok(Heard::Done);
            };
            let now_ms = self.clock.now_ms();
            let mut record = loaded.record.clone();
            match record.inbox.admit(event) {
                Admission::Fresh => record.heard_at_ms = Some(now_ms),
                Admission::Duplicate => return Ok(Heard::Done),
                Admission::Gap { expected } => return Ok(Heard::TooEarly(expected)),
            }
            let news = news(&loaded.order, &changed.shipments, now_ms);
            if !news.is_empty() {
                self.records.mark(&changed.order_id, &self.owner, now_ms).await?;
            }
            if self.records.extend(&mut loaded, record, &news).await? {
                if !news.is_empty() {
                    self.follow(loaded).await?;
                }
                return Ok(Heard::Done);
            }
        }
        Err(StoreError::Contended(changed.order_id))
    }

    /// Records how far shipping has come. If shipping does not answer, the order stays as it
    /// was known: a read must not fail for that.
    pub(super) async fn observe(&self, mut loaded: Loaded) -> Result<Loaded, StoreError> {
        let now_ms = self.clock.now_ms();
        if !is_due(&loaded, now_ms) {
            return Ok(loaded);
        }
        let id = loaded.order.placed.id.clone();
        let Ok(shipments) = self.participants.shipments(&id).await else { return Ok(loaded) };
        let parcels: Vec<Parcel> = shipments.iter().map(|shipment| shipment.parcel()).collect();
        let now_ms = self.clock.now_ms();
        let news = news(&loaded.order, &parcels, now_ms);
        if news.is_empty() {
            return Ok(loaded);
        }
        self.records.mark(&id, &self.owner, now_ms).await?;
        let lease = loaded.record.lease.clone();
        if self.records.append(&mut loaded, &news, lease).await? {
            return self.follow(loaded).await;
        }
        Ok(self.records.load(&id).await?.unwrap_or(loaded))
    }

    /// Does what the news leaves to be done.
    async fn follow(&self, loaded: Loaded) -> Result<Loaded, StoreError> {
        let until_ms = self.clock.now_ms() + TOUCH_MS;
        let before = loaded.clone();
        match self.driver().go_on(loaded, until_ms).await? {
            Some(outcome) => self.close(outcome).await,
            None => Ok(before),
        }
    }
}

/// Whether a look at this order asks shipping.
fn is_due(loaded: &Loaded, now_ms: u64) -> bool {
    let travels = matches!(loaded.order.status, Status::Confirmed | Status::Shipped);
    let since_ms = match loaded.record.heard_at_ms {
        Some(heard_at_ms) => heard_at_ms.saturating_add(SILENT_MS),
        None => loaded.order.updated_at_ms.saturating_add(UNHEARD_MS),
    };
    travels && now_ms >= since_ms
}

/// The events that these parcels make: that they have moved, and what follows at once.
fn news(order: &Order, parcels: &[Parcel], now_ms: u64) -> Vec<Recorded> {
    let worth_telling = !order.parcels.is_empty() || parcel::have_left(parcels);
    let mut events = Vec::new();
    if *parcels == order.parcels || !worth_telling {
        return events;
    }
    let mut order = order.clone();
    let mut next = Some(Event::ParcelsMoved { parcels: parcels.to_vec() });
    while let Some(event) = next {
        let recorded = Recorded { sequence: order.version + 1, at_ms: now_ms, event };
        order.apply(&recorded);
        events.push(recorded);
        next = match saga::next(&order, now_ms) {
            Next::Record(
                event @ (Event::Shipped
                | Event::PartlyReturned
                | Event::Delivered
                | Event::Returned),
            ) => Some(event),
            _ => None,
        };
    }
    events
}
