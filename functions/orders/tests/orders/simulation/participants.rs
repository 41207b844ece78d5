//! The participants of one order, as their contracts promise: repeating a request has no further
//! effect, and a compensation makes a later request for its step fail.

use std::collections::BTreeMap;

use orders::domain::saga::{Action, Fault};
use orders::domain::{Order, Parcel, ShipmentStatus, Step, Undo, returns};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stock {
    Reserved,
    Sold,
    Released,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Payment {
    #[default]
    None,
    Authorized,
    Captured,
    Canceled,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Participants {
    /// The reservations by their generation.
    stock: BTreeMap<u32, Stock>,
    pub(crate) payment: Payment,
    /// How often money was taken.
    pub(crate) captures: u8,
    pub(crate) parcel: Option<ShipmentStatus>,
    shipping_canceled: bool,
    /// The refunded amounts and restocked quantities by returned parcel.
    pub(crate) refunds: BTreeMap<String, i64>,
    pub(crate) restocked: BTreeMap<String, u32>,
    /// How many reservations expire before they are committed.
    expiring_reservations: u32,
}

impl Participants {
    pub(super) fn new(expiring_reservations: u32) -> Self {
        Self { expiring_reservations, ..Self::default() }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.stock.values().any(|stock| *stock == Stock::Reserved)
    }

    pub(crate) fn is_sold(&self) -> bool {
        self.stock.values().any(|stock| *stock == Stock::Sold)
    }

    pub(crate) fn perform(&mut self, action: Action, order: &Order) -> Result<(), Fault> {
        match action {
            Action::Do(step) => self.perform_step(step, order.saga.generation),
            Action::Undo(Undo::Release) => {
                assert!(!self.is_sold(), "release of a sale");
                self.stock.insert(order.saga.generation, Stock::Released);
                Ok(())
            }
            Action::Undo(Undo::TakeBack) => {
                self.stock.insert(order.saga.generation, Stock::Released);
                Ok(())
            }
            Action::Undo(Undo::CancelPayment) => {
                self.payment = Payment::Canceled;
                Ok(())
            }
            Action::Undo(Undo::CancelShipment) => self.cancel_shipment(),
            Action::Undo(undo @ (Undo::RefundParcel | Undo::RestockParcel)) => {
                let parcel = returns::target(order, undo).expect("a returned parcel");
                self.return_parcel(undo, order, parcel);
                Ok(())
            }
        }
    }

    fn perform_step(&mut self, step: Step, generation: u32) -> Result<(), Fault> {
        match (step, self.stock.get(&generation).copied(), self.payment) {
            (Step::Reserve, Some(Stock::Released), _) => return Err(Fault::ReservationLost),
            (Step::Reserve, None, _) => drop(self.stock.insert(generation, Stock::Reserved)),
            (Step::Commit, Some(Stock::Reserved), _) if self.expiring_reservations > 0 => {
                self.expiring_reservations -= 1;
                self.stock.insert(generation, Stock::Released);
                return Err(Fault::ReservationLost);
            }
            (Step::Commit, None | Some(Stock::Released), _) => return Err(Fault::ReservationLost),
            (Step::Commit, ..) => drop(self.stock.insert(generation, Stock::Sold)),
            (Step::Authorize, _, Payment::None) => self.payment = Payment::Authorized,
            (Step::Capture, _, Payment::Authorized) => {
                self.payment = Payment::Captured;
                self.captures += 1;
            }
            (Step::Authorize | Step::Capture, _, Payment::Canceled)
            | (Step::Capture, _, Payment::None) => return Err(refusal("payment_cancelled")),
            (Step::Ship, ..) if self.shipping_canceled => return Err(refusal("cancelled")),
            (Step::Ship, ..) => drop(self.parcel.get_or_insert(ShipmentStatus::Created)),
            _ => {}
        }
        Ok(())
    }

    fn cancel_shipment(&mut self) -> Result<(), Fault> {
        match &mut self.parcel {
            Some(ShipmentStatus::InTransit | ShipmentStatus::Delivered) => {
                return Err(Fault::TooLate("in transit".to_owned()));
            }
            Some(parcel) => *parcel = ShipmentStatus::Cancelled,
            None => {}
        }
        self.shipping_canceled = true;
        Ok(())
    }

    fn return_parcel(&mut self, undo: Undo, order: &Order, parcel: &Parcel) {
        let id = parcel.id.clone();
        if undo == Undo::RefundParcel {
            self.refunds.insert(id, returns::worth(order, parcel).amount);
        } else {
            let quantity = parcel.lines.iter().map(|line| line.quantity).sum();
            self.restocked.insert(id, quantity);
        }
    }
}

fn refusal(code: &'static str) -> Fault {
    Fault::Refused { code, detail: String::new() }
}
