//! Consignments: all parcels of one order.
//!
//! A consignment has its own outbox: each change adds an event with the public state, in the same
//! write. So no event is lost, and none is published without its change.
//!
//! The address is kept while a parcel is under way. The change that ends the last parcel erases it,
//! so shipping does not need to know which accounts were deleted.

use chassis::clock::rfc3339;
use chassis::outbox::{Draft, HasOutbox, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Refusal;
use super::location::Address;
use super::parcel::{ATTEMPTS_MAX, Parcel, Status};
use super::simulation::{NEVER_HOME, Simulation};
use super::van::VanId;

/// The source of the events.
pub const SOURCE: &str = "/shop/shipping";
/// The type of the events: the consignment after a change.
pub const EVENT_TYPE: &str = "com.shop.shipping.shipment.changed.v1";
/// The maximum number of steps of one parcel.
const STEPS_MAX: usize = 2 * ATTEMPTS_MAX + 1;

/// All parcels of one order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Consignment {
    /// The order that is shipped.
    pub order_id: String,
    /// The customer.
    pub user_id: String,
    /// The destination; `None` if there are no parcels or all of them have ended.
    pub to: Option<Address>,
    /// Empty if nothing is shipped.
    pub parcels: Vec<Parcel>,
    /// Whether it was canceled; a later creation is refused.
    pub barred: bool,
    /// Its position in the register of all consignments.
    #[serde(rename = "place", default)]
    pub position: Option<u64>,
    /// Events that are not published yet.
    #[serde(default)]
    pub outbox: Outbox,
}

impl HasOutbox for Consignment {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl Consignment {
    /// A consignment of these parcels.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub fn ship(
        order_id: &str,
        user_id: &str,
        to: Address,
        parcels: Vec<Parcel>,
        now_ms: u64,
    ) -> Result<Consignment, Refusal> {
        let mut consignment = Consignment {
            order_id: order_id.to_owned(),
            user_id: user_id.to_owned(),
            to: Some(to),
            parcels,
            ..Consignment::default()
        };
        consignment.add_event(now_ms)?;
        Ok(consignment)
    }

    /// Makes all due steps of the simulated couriers, each with the time at which it was due. So it
    /// does not matter how often a consignment is queried. Stops while the outbox is full.
    pub fn advance(&mut self, now_ms: u64, simulation: Simulation) {
        for _ in 0..STEPS_MAX {
            let mut stepped = self.clone();
            let Some(at_ms) = stepped.step(now_ms, simulation) else { return };
            if stepped.conclude(at_ms).is_err() {
                return;
            }
            *self = stepped;
        }
    }

    /// Makes the next step of each parcel, if it is due. Returns the time of the last one.
    fn step(&mut self, now_ms: u64, simulation: Simulation) -> Option<u64> {
        let never_home = self.is_never_home();
        let mut last_ms = None;
        for parcel in &mut self.parcels {
            let next = simulation.next(parcel, never_home);
            if let Some(next) = next.filter(|next| next.at_ms <= now_ms) {
                parcel.change(next.status, next.at_ms);
                last_ms = last_ms.max(Some(next.at_ms));
            }
        }
        last_ms
    }

    /// When the next step of the simulated couriers is due, in milliseconds since the epoch.
    pub fn next_step_ms(&self, simulation: Simulation) -> Option<u64> {
        let never_home = self.is_never_home();
        let steps = self.parcels.iter().filter_map(|parcel| simulation.next(parcel, never_home));
        steps.map(|it| it.at_ms).min()
    }

    fn is_never_home(&self) -> bool {
        self.to.as_ref().is_some_and(|to| to.name == NEVER_HOME)
    }

    /// Cancels all parcels.
    ///
    /// # Errors
    /// [`Refusal::TooLate`], or [`Refusal::Unavailable`].
    pub fn cancel(&mut self, now_ms: u64) -> Result<(), Refusal> {
        if self.parcels.iter().any(|parcel| parcel.status().has_left()) {
            return Err(Refusal::TooLate);
        }
        if self.barred {
            return Ok(());
        }
        self.barred = true;
        for parcel in &mut self.parcels {
            parcel.change(Status::Cancelled, now_ms);
        }
        self.conclude(now_ms)
    }

    /// Records the status that a courier reports; nothing if it is the current one. Couriers can't
    /// cancel parcels: that is done with the order, which refunds the payment.
    ///
    /// # Errors
    /// The parcel does not exist or can't get this status, or [`Refusal::Unavailable`].
    pub fn report(&mut self, parcel_id: &str, status: Status, now_ms: u64) -> Result<(), Refusal> {
        let parcel = self.parcels.iter_mut().find(|parcel| parcel.id == parcel_id);
        let parcel = parcel.ok_or(Refusal::NotFound)?;
        let current = parcel.status();
        if current == status {
            return Ok(());
        }
        if status == Status::Cancelled || !parcel.leads_to(status) {
            return Err(Refusal::WrongStatus(current, status));
        }
        parcel.change(status, now_ms.max(parcel.updated_at_ms()));
        self.conclude(now_ms)
    }

    /// Whether an address is kept although no parcel is under way.
    pub fn keeps_old_address(&self) -> bool {
        self.to.is_some() && self.parcels.iter().all(|parcel| parcel.status().is_final())
    }

    /// Erases the address if no parcel is under way.
    pub fn erase_address(&mut self) {
        if self.keeps_old_address() {
            self.to = None;
        }
    }

    /// The number of parcels that a van carries or has to fetch.
    pub fn open_in(&self, van: &VanId) -> u32 {
        let open =
            |parcel: &&Parcel| !parcel.status().is_final() && parcel.van.as_ref() == Some(van);
        u32::try_from(self.parcels.iter().filter(open).count()).unwrap_or(u32::MAX)
    }

    /// Ends a change: adds its event, and erases the address if the last parcel has ended.
    fn conclude(&mut self, at_ms: u64) -> Result<(), Refusal> {
        self.add_event(at_ms)?;
        self.erase_address();
        Ok(())
    }

    fn add_event(&mut self, at_ms: u64) -> Result<(), Refusal> {
        let draft = Draft {
            source: SOURCE.to_owned(),
            kind: EVENT_TYPE.to_owned(),
            subject: self.order_id.clone(),
            at_ms,
            data: self.public(),
        };
        self.outbox
            .push(draft)
            .map_err(|_| Refusal::Unavailable("events can't be published".to_owned()))
    }

    /// The public state: without address and customer.
    fn public(&self) -> Value {
        let shipment = |parcel: &Parcel| {
            json!({
                "id": parcel.id,
                "status": parcel.status(),
                "courier": parcel.courier,
                "tracking_code": parcel.tracking_code,
                "lines": parcel.lines,
                "updated_at": rfc3339(parcel.updated_at_ms()),
            })
        };
        let shipments: Vec<Value> = self.parcels.iter().map(shipment).collect();
        json!({"order_id": self.order_id, "cancelled": self.barred, "shipments": shipments})
    }
}

#[cfg(test)]
mod tests;
