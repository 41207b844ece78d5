//! Updating the parcels of an order.
//!
//! Shipping publishes events, each with the state of all parcels of an order. Each one is processed
//! once, in order. A request that reads an order queries shipping directly only if no event has
//! arrived for a time in which events may have been lost.

use chassis::clock::Timer;
use chassis::events;
use chassis::inbox::Admission;
use chassis::store::{Store, StoreError};
use serde::Deserialize;

use super::{Orders, TOUCH_MS};
use crate::domain::saga::{self, Next};
use crate::domain::{Event, Parcel, Status, parcel};
use crate::ports::Participants;
use crate::records::Loaded;

/// The type of the processed events.
pub const SHIPMENT_CHANGED: &str = "com.shop.shipping.shipment.changed.v1";
/// How long after its confirmation shipping is queried for an order without any event of shipping,
/// in milliseconds.
const FIRST_EVENT_MS: u64 = 5_000;
/// How long after the last event shipping is queried for an order in transit, in milliseconds.
const NEXT_EVENT_MS: u64 = 60 * 60_000;

/// The result of processing an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// It is recorded, was recorded before, or is about an unknown order.
    Done,
    /// The event with this number is missing. Deliver this one again after that one.
    TooEarly(u64),
    /// The data is malformed, for this reason.
    Malformed(String),
}

#[derive(Deserialize)]
struct ShipmentChanged {
    order_id: String,
    shipments: Vec<Parcel>,
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// Records the parcels in an event of shipping.
    pub async fn process(&self, event: &events::Event) -> Result<EventOutcome, StoreError> {
        let changed: ShipmentChanged = match serde_json::from_str(&event.data) {
            Ok(changed) => changed,
            Err(error) => return Ok(EventOutcome::Malformed(error.to_string())),
        };
        let Some(mut loaded) = self.records.load(&changed.order_id).await? else {
            return Ok(EventOutcome::Done);
        };
        let record = |loaded: &mut Loaded| {
            match loaded.record.inbox.admit(event) {
                Admission::Fresh => {}
                Admission::Duplicate => return Ok((EventOutcome::Done, false)),
                Admission::Gap { expected } => {
                    return Ok((EventOutcome::TooEarly(expected), false));
                }
            }
            let now_ms = self.clock.now_ms();
            loaded.record.shipping_event_at_ms = Some(now_ms);
            let moved = record_parcels(loaded, &changed.shipments, now_ms)?;
            Ok::<_, StoreError>((EventOutcome::Done, moved))
        };
        let (outcome, moved) = self.records.decide(&mut loaded, record).await?;
        if moved {
            self.advance_and_unmark(&mut loaded, TOUCH_MS).await?;
        }
        Ok(outcome)
    }

    /// Queries shipping for the parcels of an order, if that is due. If shipping is unavailable, the
    /// order stays as it is: a read must not fail for that reason.
    pub(super) async fn query_parcels(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        if !is_query_due(loaded, self.clock.now_ms()) {
            return Ok(());
        }
        let id = loaded.order.placed.id.clone();
        let Ok(shipments) = self.participants.shipments(&id).await else { return Ok(()) };
        let parcels: Vec<Parcel> = shipments.into_iter().map(|shipment| shipment.parcel).collect();
        let (version, now_ms) = (loaded.order.version, self.clock.now_ms());
        let record = |loaded: &mut Loaded| {
            // An event that was recorded since the query may be newer than its result.
            let is_current = loaded.order.version == version;
            Ok::<_, StoreError>(is_current && record_parcels(loaded, &parcels, now_ms)?)
        };
        if self.records.decide(loaded, record).await? {
            self.advance_and_unmark(loaded, TOUCH_MS).await?;
        }
        Ok(())
    }
}

/// Whether a request that reads this order queries shipping.
fn is_query_due(loaded: &Loaded, now_ms: u64) -> bool {
    let in_transit = matches!(loaded.order.status, Status::Confirmed | Status::Shipped);
    let due_ms = match loaded.record.shipping_event_at_ms {
        Some(at_ms) => at_ms.saturating_add(NEXT_EVENT_MS),
        None => loaded.order.updated_at_ms.saturating_add(FIRST_EVENT_MS),
    };
    in_transit && now_ms >= due_ms
}

/// Adds the events that follow from these parcels. False if there are none.
fn record_parcels(
    loaded: &mut Loaded,
    parcels: &[Parcel],
    now_ms: u64,
) -> Result<bool, StoreError> {
    let known = &loaded.order.parcels;
    if *parcels == *known || (known.is_empty() && !parcel::have_left(parcels)) {
        return Ok(false);
    }
    loaded.push(Event::ParcelsMoved { parcels: parcels.to_vec() }, now_ms)?;
    while let Next::Record(
        event @ (Event::Shipped | Event::PartlyReturned | Event::Delivered | Event::Returned),
    ) = saga::next(&loaded.order, now_ms)
    {
        loaded.push(event, now_ms)?;
    }
    Ok(true)
}
