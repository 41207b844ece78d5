//! A lane of one SKU: room for more reservations than one value holds.
//!
//! A piece is either in the stock or in one lane. Transfers use two counters on each side, which only grow and
//! are copied from one side to the other: the stock counts the pieces that it has ever granted to
//! the lane, and the lane counts those that it has ever given back. A crash between the two writes
//! leaves pieces in transfer, which can't be reserved. The next operation copies the counter.

use super::holds::{Hold, HoldRefused, Holds};
use super::stock::signed;
use serde::{Deserialize, Serialize};

/// The maximum number of lanes of one SKU.
pub const LANES_MAX: usize = 63;

/// The stock's counters for one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Pieces that were ever granted to it.
    pub granted: u64,
    /// Pieces that were ever taken back from it.
    pub taken_back: u64,
}

/// One lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Pieces that ever arrived in it.
    arrived: u64,
    /// Pieces that it has ever given back.
    given_back: u64,
    /// Pieces that were ever sold from it.
    sold: u64,
    holds: Holds,
}

impl Lane {
    /// Unreserved pieces in it; negative if it has reserved more than it ever had.
    pub fn free(&self) -> i64 {
        signed(self.arrived) - signed(self.given_back + self.sold + self.holds.pieces())
    }

    /// Pieces that were ever sold from it.
    pub fn sold(&self) -> u64 {
        self.sold
    }

    /// Pieces that it has ever given back.
    pub fn given_back(&self) -> u64 {
        self.given_back
    }

    /// All holds, by reservation id.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Pieces in transfer: they left one side and have not arrived at the other.
    pub fn on_the_way(&self, exchange: Exchange) -> u64 {
        exchange.granted.saturating_sub(self.arrived)
            + self.given_back.saturating_sub(exchange.taken_back)
    }

    /// Whether there is nothing to do: no hold has expired, and no pieces are free or in transfer.
    pub fn is_at_rest(&self, exchange: Exchange, now_ms: u64) -> bool {
        self.holds.expired(now_ms, 1).is_empty()
            && self.free() == 0
            && self.on_the_way(exchange) == 0
    }

    /// Adds the pieces that were granted and have not arrived yet. `granted` is the total ever
    /// granted.
    pub fn arrive(&mut self, granted: u64) {
        self.arrived = self.arrived.max(granted);
    }

    /// Holds pieces for an attempt at a reservation; see [`Holds::hold`].
    ///
    /// # Errors
    /// Why the hold was not made.
    pub fn hold(&mut self, id: &str, hold: Hold) -> Result<(), HoldRefused> {
        let free = self.free();
        self.holds.hold(id, hold, free)
    }

    /// Releases the hold of this or an earlier attempt, if there is one.
    pub fn free_hold(&mut self, id: &str, attempt: u32) {
        self.holds.release(id, attempt);
    }

    /// Turns the hold of exactly this attempt into a sale, if it exists. Idempotent.
    pub fn sell(&mut self, id: &str, attempt: u32) {
        self.sold += self.holds.take(id, attempt);
    }

    /// Gives back all pieces that are not held.
    pub fn give_back(&mut self) {
        self.given_back += u64::try_from(self.free()).unwrap_or(0);
    }
}
