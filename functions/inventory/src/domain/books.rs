//! The books of a SKU and the status of a reservation, for checks across functions: as recorded,
//! without corrections.

use super::{Lane, Record, State, Stock};

/// The books of one SKU, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// The product.
    pub sku: String,
    /// Ever received.
    pub received: u32,
    /// What is left of it; negative if more was reserved and sold than received.
    pub on_hand: i64,
    /// Held by reservations.
    pub reserved: u64,
    /// Sold and not returned; negative if more pieces were returned than sold.
    pub sold: i64,
    /// Every hold.
    pub claims: Vec<Claim>,
}

/// A hold on pieces of one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The reservation that has it.
    pub reservation_id: String,
    /// Pieces.
    pub quantity: u32,
    /// When it expires, in milliseconds since the epoch; none if the reservation is sold and the
    /// hold is about to become a sale.
    pub expires_at_ms: Option<u64>,
}

/// The status of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationStatus {
    /// There is no reservation with this id.
    Unknown,
    /// It can be sold.
    Held,
    /// It is sold.
    Committed,
    /// It was given back or refused.
    Released,
    /// It has expired.
    Expired,
    /// It was sold and is (being) taken back.
    TakenBack,
}

impl Books {
    /// The books of a SKU with its lanes, without its claims. Pieces on hand are counted in the
    /// stock, in each lane, and in transfer between them, so the books only balance if both sides
    /// of every transfer agree.
    pub fn of(sku: String, stock: &Stock, lanes: &[Lane]) -> Books {
        let in_lanes = stock.lanes().iter().zip(lanes).map(|(exchange, lane)| {
            lane.free() + i64::try_from(lane.on_the_way(*exchange)).unwrap_or(i64::MAX)
        });
        let reserved =
            stock.holds().pieces() + lanes.iter().map(|lane| lane.holds().pieces()).sum::<u64>();
        Books {
            sku,
            received: stock.received(),
            on_hand: stock.on_hand() + in_lanes.sum::<i64>(),
            reserved,
            sold: stock.sold(lanes),
            claims: Vec::new(),
        }
    }
}

impl ReservationStatus {
    /// The status of the reservation with this record.
    pub fn of(record: Option<&Record>, now_ms: u64) -> ReservationStatus {
        let Some(record) = record else { return ReservationStatus::Unknown };
        match record.state {
            State::Pending | State::Held if now_ms < record.expires_at_ms => {
                ReservationStatus::Held
            }
            State::Pending | State::Held | State::Expired => ReservationStatus::Expired,
            State::Committed => ReservationStatus::Committed,
            State::Returning | State::Returned => ReservationStatus::TakenBack,
            State::Refused(_) | State::Released => ReservationStatus::Released,
        }
    }
}
