//! Consignments: all that is shipped for one order, and how far it has come.
//!
//! A consignment carries its own outbox: every change of it notes an event with all that others
//! may know, in the same write. So none is lost and none tells of what did not happen.
//!
//! The address is kept while a parcel is under way. The change that ends the last parcel erases it,
//! so shipping does not need to know which accounts were deleted.

use chassis::clock::rfc3339;
use chassis::outbox::{Draft, HasOutbox, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parcel::{ATTEMPTS_MAX, Parcel, Status};
use super::place::Address;
use super::simulation::{NEVER_HOME, Simulation};
use super::van::VanId;

/// Who publishes.
pub const SOURCE: &str = "/shop/shipping";
/// What is published: the consignment as it is after a change.
pub const EVENT_TYPE: &str = "com.shop.shipping.shipment.changed.v1";
/// Steps that one parcel can take at most.
const STEPS_MAX: usize = 2 * ATTEMPTS_MAX + 1;

/// All parcels of one order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Consignment {
    /// The order that is shipped.
    pub order_id: String,
    /// Who ordered.
    pub user_id: String,
    /// Where the parcels go; none if there are no parcels or all of them have ended.
    pub to: Option<Address>,
    /// None if nothing is shipped.
    pub parcels: Vec<Parcel>,
    /// Called off; a late creation is refused.
    pub barred: bool,
    /// Its place in the register of all consignments.
    #[serde(default)]
    pub place: Option<u64>,
    /// What others are still to be told.
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

/// Why a consignment stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A parcel has left.
    TooLate,
    /// The parcel is not part of this consignment.
    NoSuchParcel,
    /// The parcel can't go from this status to that.
    WrongStatus(Status, Status),
    /// Others must be told first what has happened before.
    Unheard,
}

impl Consignment {
    /// Begins to ship: these parcels, to there.
    pub fn ship(
        order_id: &str,
        user_id: &str,
        to: Address,
        parcels: Vec<Parcel>,
        now_ms: u64,
    ) -> Result<Consignment, Fault> {
        let mut consignment = Consignment {
            order_id: order_id.to_owned(),
            user_id: user_id.to_owned(),
            to: Some(to),
            parcels,
            ..Consignment::default()
        };
        consignment.tell(now_ms)?;
        Ok(consignment)
    }

    /// Lets the sandbox couriers catch up with the clock. Times are those at which they would
    /// have come, so it does not matter how often anybody looks. While too much is untold,
    /// they wait.
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

    /// Lets every parcel take its next step, if that is due; when the last of them was.
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

    /// When the sandbox couriers will do something next, in milliseconds since the epoch.
    pub fn next_step_ms(&self, simulation: Simulation) -> Option<u64> {
        let never_home = self.is_never_home();
        let steps = self.parcels.iter().filter_map(|parcel| simulation.next(parcel, never_home));
        steps.map(|it| it.at_ms).min()
    }

    fn is_never_home(&self) -> bool {
        self.to.as_ref().is_some_and(|to| to.name == NEVER_HOME)
    }

    /// Calls everything off, or nothing if a parcel has left.
    pub fn cancel(&mut self, now_ms: u64) -> Result<(), Fault> {
        if self.parcels.iter().any(|parcel| parcel.status().has_left()) {
            return Err(Fault::TooLate);
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

    /// Takes in what a courier reports. The status that a parcel has already is fine. Couriers
    /// call nothing off: that is up to the order, which gives the money back.
    pub fn report(&mut self, parcel_id: &str, status: Status, now_ms: u64) -> Result<(), Fault> {
        let parcel = self.parcels.iter_mut().find(|parcel| parcel.id == parcel_id);
        let parcel = parcel.ok_or(Fault::NoSuchParcel)?;
        let current = parcel.status();
        if current == status {
            return Ok(());
        }
        if status == Status::Cancelled || !parcel.leads_to(status) {
            return Err(Fault::WrongStatus(current, status));
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

    /// The parcels that a van carries or is to fetch.
    pub fn open_in(&self, van: &VanId) -> u32 {
        let open =
            |parcel: &&Parcel| !parcel.status().is_final() && parcel.van.as_ref() == Some(van);
        u32::try_from(self.parcels.iter().filter(open).count()).unwrap_or(u32::MAX)
    }

    /// The end of every change: notes the event, and erases the address with the last parcel.
    fn conclude(&mut self, at_ms: u64) -> Result<(), Fault> {
        self.tell(at_ms)?;
        self.erase_address();
        Ok(())
    }

    /// Notes for the others how it stands.
    fn tell(&mut self, at_ms: u64) -> Result<(), Fault> {
        let draft = Draft {
            source: SOURCE.to_owned(),
            kind: EVENT_TYPE.to_owned(),
            subject: self.order_id.clone(),
            at_ms,
            data: self.public(),
        };
        self.outbox.push(draft).map_err(|_| Fault::Unheard)
    }

    /// What others may know: no address, and not who ordered.
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
