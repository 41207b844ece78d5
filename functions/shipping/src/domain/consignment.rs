//! Consignments: all that is shipped for one order, and how far it has come.
//!
//! A consignment carries its own outbox: every change of it notes an event with all that others
//! may know, in the same write. So none is lost and none tells of what did not happen.

use chassis::clock::rfc3339;
use chassis::outbox::{Draft, HasOutbox, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parcel::{ATTEMPTS_MAX, Parcel, Status};
use super::place::Address;
use super::simulation::Simulation;
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
    /// None if the order was called off before it was shipped.
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
            if stepped.tell(at_ms).is_err() {
                return;
            }
            *self = stepped;
        }
    }

    /// Lets every parcel take its next step, if that is due; when the last of them was.
    fn step(&mut self, now_ms: u64, simulation: Simulation) -> Option<u64> {
        let mut last_ms = None;
        for parcel in &mut self.parcels {
            if let Some(next) = simulation.next(parcel).filter(|next| next.at_ms <= now_ms) {
                parcel.change(next.status, next.at_ms);
                last_ms = last_ms.max(Some(next.at_ms));
            }
        }
        last_ms
    }

    /// When the sandbox couriers will do something next, in milliseconds since the epoch.
    pub fn next_step_ms(&self, simulation: Simulation) -> Option<u64> {
        self.parcels.iter().filter_map(|parcel| simulation.next(parcel)).map(|it| it.at_ms).min()
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
        self.tell(now_ms)
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
        self.tell(now_ms)
    }

    /// The parcels that a van carries or is to fetch.
    pub fn open_in(&self, van: &VanId) -> u32 {
        let open =
            |parcel: &&Parcel| !parcel.status().is_final() && parcel.van.as_ref() == Some(van);
        u32::try_from(self.parcels.iter().filter(open).count()).unwrap_or(u32::MAX)
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::{FLEET, Line, Place, pack};

    const ON: Simulation = Simulation { pickup_ms: 4_000 };
    const OFF: Simulation = Simulation { pickup_ms: 0 };

    fn consignment(id: &str) -> Consignment {
        let line = Line { sku: "A".to_owned(), quantity: 1 };
        let pack = pack(&[line], Place { country: "AT", zone: None }).remove(0);
        let van = VanId { courier: FLEET[0].code.to_owned(), number: 0 };
        let parcel = Parcel::new(id.to_owned(), FLEET[0], van, pack, 1_000);
        let to = Address {
            name: "Ada".to_owned(),
            street: "Hauptstr. 1".to_owned(),
            city: "Wien".to_owned(),
            postal_code: "1010".to_owned(),
            country: "AT".to_owned(),
        };
        Consignment::ship("ord_1", "usr_1", to, vec![parcel], 1_000).unwrap()
    }

    fn status_at(now_ms: u64, simulation: Simulation) -> Status {
        let mut it = consignment("shp_1");
        it.advance(now_ms, simulation);
        it.parcels[0].status()
    }

    fn told(it: &Consignment) -> Vec<(Value, Value)> {
        let state = |event: &chassis::events::Event| {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            (data["cancelled"].clone(), data["shipments"][0]["status"].clone())
        };
        it.outbox.pending().iter().map(state).collect()
    }

    #[test]
    fn sandbox_couriers_follow_the_clock() {
        assert_eq!(status_at(4_999, ON), Status::Created);
        assert_eq!(status_at(5_000, ON), Status::InTransit);
        assert_eq!(status_at(20_999, ON), Status::InTransit);
        assert_eq!(status_at(21_000, ON), Status::Delivered);
        assert_eq!(status_at(99_999_999, OFF), Status::Created);
    }

    #[test]
    fn some_parcels_need_a_second_attempt() {
        let mut it = consignment("shp_f0");
        assert!(Simulation::misses("shp_f0") && !Simulation::misses("shp_0f"));
        let mut met = Vec::new();
        for now_ms in [5_000, 21_000, 29_000, 37_000] {
            assert_eq!(it.next_step_ms(ON), Some(now_ms));
            it.advance(now_ms - 1, ON);
            it.advance(now_ms, ON);
            met.push(it.parcels[0].status());
        }
        use Status::{AttemptFailed, Delivered, InTransit};
        assert_eq!(met, [InTransit, AttemptFailed, InTransit, Delivered]);
        assert_eq!(it.next_step_ms(ON), None);
    }

    #[test]
    fn it_does_not_matter_how_often_anybody_looks() {
        for id in ["shp_1", "shp_0"] {
            let (mut often, mut once) = (consignment(id), consignment(id));
            (0..60).for_each(|second| often.advance(second * 1_000, ON));
            once.advance(59_000, ON);
            assert_eq!(often.parcels, once.parcels);
            assert_eq!(told(&often), told(&once), "every step is told");
        }
    }

    #[test]
    fn every_change_is_told_and_nothing_else() {
        let mut it = consignment("shp_1");
        it.cancel(2_000).unwrap();
        it.cancel(2_001).unwrap();
        it.advance(99_000, ON);
        it.report("shp_1", Status::Cancelled, 2_002).unwrap();
        assert_eq!(
            told(&it),
            [(false.into(), "created".into()), (true.into(), "cancelled".into())]
        );
        assert_eq!(it.outbox.last_sequence(), 2);
        let personal = it.outbox.pending().iter().any(|event| event.data.contains("Ada"));
        assert!(!personal, "addresses stay here");
    }

    #[test]
    fn nothing_is_called_off_once_a_parcel_has_left() {
        for status in [Status::InTransit, Status::AttemptFailed, Status::Returned] {
            let mut it = consignment("shp_1");
            for step in [Status::InTransit, Status::AttemptFailed, Status::Returned] {
                it.report("shp_1", step, 1_500).unwrap();
                if step == status {
                    break;
                }
            }
            let before = it.parcels.clone();
            assert_eq!(it.cancel(5_001), Err(Fault::TooLate));
            assert_eq!((it.parcels, it.barred), (before, false));
        }
    }

    #[test]
    fn a_parcel_that_was_called_off_goes_nowhere() {
        let mut it = consignment("shp_1");
        it.cancel(2_000).unwrap();
        it.advance(99_000, ON);
        assert_eq!(it.parcels[0].status(), Status::Cancelled);
        let late = it.report("shp_1", Status::InTransit, 3_000);
        assert_eq!(late, Err(Fault::WrongStatus(Status::Cancelled, Status::InTransit)));
    }

    #[test]
    fn couriers_report_in_order_and_may_repeat_themselves() {
        let mut it = consignment("shp_1");
        let skip = it.report("shp_1", Status::Delivered, 1_500);
        assert_eq!(skip, Err(Fault::WrongStatus(Status::Created, Status::Delivered)));
        it.report("shp_1", Status::InTransit, 2_000).unwrap();
        it.report("shp_1", Status::InTransit, 2_500).unwrap();
        it.report("shp_1", Status::Delivered, 1_900).unwrap();
        let history: Vec<u64> = it.parcels[0].history().iter().map(|it| it.at_ms).collect();
        assert_eq!(history, [1_000, 2_000, 2_000], "clocks may step back, histories don't");
        assert_eq!(it.report("shp_2", Status::Delivered, 1), Err(Fault::NoSuchParcel));
    }

    #[test]
    fn couriers_call_nothing_off() {
        let mut it = consignment("shp_1");
        let refused = it.report("shp_1", Status::Cancelled, 2_000);
        assert_eq!(refused, Err(Fault::WrongStatus(Status::Created, Status::Cancelled)));
    }

    #[test]
    fn a_van_carries_what_has_not_ended() {
        let mut it = consignment("shp_1");
        let van = it.parcels[0].van.clone().unwrap();
        assert_eq!(it.open_in(&van), 1);
        assert_eq!(it.open_in(&VanId { number: 1, ..van.clone() }), 0);
        it.report("shp_1", Status::InTransit, 2_000).unwrap();
        assert_eq!(it.open_in(&van), 1);
        it.report("shp_1", Status::Delivered, 3_000).unwrap();
        assert_eq!(it.open_in(&van), 0);
    }
}
