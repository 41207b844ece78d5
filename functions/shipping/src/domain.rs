//! Consignments: all that is shipped for one order, and how far it has come.

use serde::{Deserialize, Serialize};

use crate::fleet::Courier;

/// Pieces that fit into one parcel.
pub const PIECES_PER_PARCEL: u32 = 50;
/// Distinct products of one order.
pub const LINES_MAX: usize = 100;
/// Pieces of one product.
pub const QUANTITY_MAX: u32 = 1_000;
/// Longest part of an address, in characters.
pub const ADDRESS_CHARS_MAX: usize = 200;

/// How far a parcel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waiting for its courier.
    Created,
    /// A courier has it.
    InTransit,
    /// The customer has it. Final.
    Delivered,
    /// Called off before pickup. Final.
    Cancelled,
}

impl Status {
    /// The status with this name on the wire.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "created" => Some(Self::Created),
            "in_transit" => Some(Self::InTransit),
            "delivered" => Some(Self::Delivered),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// Whether a parcel may go from here to there.
    fn leads_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Created, Self::InTransit | Self::Cancelled) | (Self::InTransit, Self::Delivered)
        )
    }
}

/// So many pieces of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub sku: String,
    pub quantity: u32,
}

/// Where a consignment goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub street: String,
    pub city: String,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A parcel has come to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where it came to.
    pub status: Status,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// One parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// `shp_…`.
    pub id: String,
    /// The courier's name.
    pub courier: String,
    /// What customers ask the courier with.
    pub tracking_code: String,
    /// What is inside; at most [`PIECES_PER_PARCEL`] pieces.
    pub lines: Vec<Line>,
    /// When it was handed over for shipping, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// What has happened since, oldest first.
    pub changes: Vec<Change>,
}

impl Parcel {
    /// How far it has come.
    pub fn status(&self) -> Status {
        self.changes.last().map_or(Status::Created, |change| change.status)
    }

    /// When its status last changed, in milliseconds since the epoch.
    pub fn updated_at_ms(&self) -> u64 {
        self.changes.last().map_or(self.created_at_ms, |change| change.at_ms)
    }

    /// Everything that has happened, its creation included.
    pub fn history(&self) -> Vec<Change> {
        let created = Change { status: Status::Created, at_ms: self.created_at_ms };
        [vec![created], self.changes.clone()].concat()
    }

    fn change(&mut self, status: Status, at_ms: u64) {
        self.changes.push(Change { status, at_ms });
    }
}

/// The sandbox couriers: parcels move on by themselves as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// From creation to pickup, in milliseconds; 0 switches the simulation off.
    pub pickup_ms: u64,
}

impl Simulation {
    /// From creation to delivery, in milliseconds: five times as long.
    fn delivery_ms(self) -> u64 {
        self.pickup_ms.saturating_mul(5)
    }
}

/// All parcels of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Consignment {
    /// Lets the sandbox couriers catch up with the clock. Times are those at which they
    /// would have come, so it does not matter how often anybody looks.
    pub fn advance(&mut self, now_ms: u64, simulation: Simulation) {
        if simulation.pickup_ms == 0 {
            return;
        }
        for parcel in &mut self.parcels {
            let plan = [
                (Status::InTransit, parcel.created_at_ms.saturating_add(simulation.pickup_ms)),
                (Status::Delivered, parcel.created_at_ms.saturating_add(simulation.delivery_ms())),
            ];
            for (status, due_ms) in plan {
                if now_ms >= due_ms && parcel.status().leads_to(status) {
                    let at_ms = due_ms.max(parcel.updated_at_ms());
                    parcel.change(status, at_ms);
                }
            }
        }
    }

    /// Calls everything off, or nothing if a parcel has left.
    pub fn cancel(&mut self, now_ms: u64) -> Result<(), Fault> {
        let left =
            |parcel: &Parcel| matches!(parcel.status(), Status::InTransit | Status::Delivered);
        if self.parcels.iter().any(left) {
            return Err(Fault::TooLate);
        }
        self.barred = true;
        for parcel in &mut self.parcels {
            if parcel.status() == Status::Created {
                parcel.change(Status::Cancelled, now_ms);
            }
        }
        Ok(())
    }

    /// Takes in what a courier reports. The status that a parcel has already is fine.
    pub fn report(&mut self, parcel_id: &str, status: Status, now_ms: u64) -> Result<(), Fault> {
        let parcel = self.parcels.iter_mut().find(|parcel| parcel.id == parcel_id);
        let parcel = parcel.ok_or(Fault::NoSuchParcel)?;
        let current = parcel.status();
        if current == status {
            return Ok(());
        }
        if !current.leads_to(status) {
            return Err(Fault::WrongStatus(current, status));
        }
        parcel.change(status, now_ms);
        Ok(())
    }
}

/// Packs lines into parcels of at most [`PIECES_PER_PARCEL`] pieces, in the order given.
pub fn pack(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut parcels: Vec<Vec<Line>> = Vec::new();
    let mut room = 0;
    for line in lines {
        let mut left = line.quantity;
        while left > 0 {
            if room == 0 {
                parcels.push(Vec::new());
                room = PIECES_PER_PARCEL;
            }
            let quantity = left.min(room);
            if let Some(parcel) = parcels.last_mut() {
                parcel.push(Line { sku: line.sku.clone(), quantity });
            }
            left -= quantity;
            room -= quantity;
        }
    }
    parcels
}

/// A parcel for a courier. `id` must be fresh; its last ten digits make the tracking code.
pub fn parcel(id: String, courier: Courier, lines: Vec<Line>, now_ms: u64) -> Parcel {
    let digits: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = digits[digits.len().saturating_sub(10)..].iter().collect();
    Parcel {
        tracking_code: format!("{}{}", courier.code, tail.to_ascii_uppercase()),
        courier: courier.name.to_owned(),
        id,
        lines,
        created_at_ms: now_ms,
        changes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fleet::FLEET;

    const ON: Simulation = Simulation { pickup_ms: 4_000 };

    fn consignment() -> Consignment {
        let line = Line { sku: "A".to_owned(), quantity: 1 };
        let parcel = parcel("shp_1".to_owned(), FLEET[0], vec![line], 1_000);
        Consignment { parcels: vec![parcel], ..Consignment::default() }
    }

    fn status_at(now_ms: u64, simulation: Simulation) -> Status {
        let mut it = consignment();
        it.advance(now_ms, simulation);
        it.parcels[0].status()
    }

    #[test]
    fn sandbox_couriers_follow_the_clock() {
        assert_eq!(status_at(4_999, ON), Status::Created);
        assert_eq!(status_at(5_000, ON), Status::InTransit);
        assert_eq!(status_at(20_999, ON), Status::InTransit);
        assert_eq!(status_at(21_000, ON), Status::Delivered);
        assert_eq!(status_at(99_999_999, Simulation { pickup_ms: 0 }), Status::Created);
    }

    #[test]
    fn it_does_not_matter_how_often_anybody_looks() {
        let (mut often, mut once) = (consignment(), consignment());
        (0..30).for_each(|second| often.advance(second * 1_000, ON));
        once.advance(29_000, ON);
        assert_eq!(often, once);
        assert_eq!(once.parcels[0].updated_at_ms(), 21_000);
    }

    #[test]
    fn nothing_is_called_off_once_a_parcel_has_left() {
        let mut it = consignment();
        it.advance(5_000, ON);
        let before = it.clone();
        assert_eq!(it.cancel(5_001), Err(Fault::TooLate));
        assert_eq!(it, before);
    }

    #[test]
    fn a_parcel_that_was_called_off_goes_nowhere() {
        let mut it = consignment();
        it.cancel(2_000).unwrap();
        it.advance(99_000, ON);
        assert_eq!(it.parcels[0].status(), Status::Cancelled);
        let late = it.report("shp_1", Status::InTransit, 3_000);
        assert_eq!(late, Err(Fault::WrongStatus(Status::Cancelled, Status::InTransit)));
    }

    #[test]
    fn couriers_report_in_order_and_may_repeat_themselves() {
        let mut it = consignment();
        let skip = it.report("shp_1", Status::Delivered, 1_500);
        assert_eq!(skip, Err(Fault::WrongStatus(Status::Created, Status::Delivered)));
        it.report("shp_1", Status::InTransit, 2_000).unwrap();
        it.report("shp_1", Status::InTransit, 2_500).unwrap();
        it.report("shp_1", Status::Delivered, 3_000).unwrap();
        let history: Vec<u64> = it.parcels[0].history().iter().map(|it| it.at_ms).collect();
        assert_eq!(history, [1_000, 2_000, 3_000]);
        assert_eq!(it.report("shp_2", Status::Delivered, 1), Err(Fault::NoSuchParcel));
    }

    #[test]
    fn parcels_hold_everything_and_not_too_much() {
        let line = |sku: &str, quantity| Line { sku: sku.to_owned(), quantity };
        let lines = [line("A", 30), line("B", 120), line("C", 1)];
        let parcels = pack(&lines);
        assert_eq!(parcels.len(), 4);
        let pieces = |parcel: &Vec<Line>| parcel.iter().map(|line| line.quantity).sum::<u32>();
        assert!(parcels.iter().all(|parcel| pieces(parcel) <= PIECES_PER_PARCEL));
        assert_eq!(parcels.iter().map(pieces).sum::<u32>(), 151);
        assert_eq!(parcels[0], [line("A", 30), line("B", 20)]);
    }
}
