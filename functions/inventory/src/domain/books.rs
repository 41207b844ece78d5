//! What the books say of one SKU and of one reservation, for checks across functions: as it is
//! recorded, with nothing mended and nothing smoothed over.

use super::{Levels, Record, State, Stock};

/// The books of one SKU, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// The product.
    pub sku: String,
    /// Ever received.
    pub received: u32,
    /// What is left of it; negative if more was promised than there ever was.
    pub on_hand: i64,
    /// Held by reservations.
    pub reserved: u32,
    /// Sold and not taken back.
    pub sold: u32,
    /// Every hold.
    pub claims: Vec<Claim>,
}

/// A hold on pieces of one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose it is.
    pub reservation_id: String,
    /// Pieces.
    pub quantity: u32,
    /// When its time is over, in milliseconds since the epoch; none if the reservation is sold
    /// and the hold is about to become a sale.
    pub expires_at_ms: Option<u64>,
}

/// How a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has reserved under this id.
    Unknown,
    /// It can be sold.
    Held,
    /// It is sold.
    Committed,
    /// It was given back or refused.
    Released,
    /// Its time is over.
    Expired,
    /// It was sold and is (being) taken back.
    TakenBack,
}

impl Books {
    /// The books of a SKU, without its claims.
    pub fn of(sku: String, stock: &Stock) -> Books {
        let Levels { received, reserved, sold, .. } = stock.levels();
        let on_hand = i64::from(received) - i64::from(reserved) - i64::from(sold);
        Books { sku, received, on_hand, reserved, sold, claims: Vec::new() }
    }
}

impl Standing {
    /// How the reservation with this record stands.
    pub fn of(record: Option<&Record>, now_ms: u64) -> Standing {
        let Some(record) = record else { return Standing::Unknown };
        match record.state {
            State::Pending | State::Held if now_ms < record.expires_at_ms => Standing::Held,
            State::Pending | State::Held | State::Expired => Standing::Expired,
            State::Committed => Standing::Committed,
            State::Returning | State::Returned => Standing::TakenBack,
            State::Refused(_) | State::Released => Standing::Released,
        }
    }
}
