//! A lane of one SKU: room for more reservations than one value holds.
//!
//! A piece is in one place at a time. Transfers use two counters on each side, which only grow and
//! are copied from one side to the other: the stock counts the pieces that it has ever granted to
//! the lane, and the lane counts those that it has ever given back. A crash between the two writes
//! leaves pieces in transfer, which can't be reserved. The next operation copies the counter.

use super::stock::{HOLDS_MAX, Hold, HoldRefused, Holds};
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
        signed(self.arrived) - signed(self.given_back + self.sold + self.reserved())
    }

    /// Pieces that are held.
    pub fn reserved(&self) -> u64 {
        self.holds.values().map(|hold| u64::from(hold.quantity)).sum()
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

    /// Whether it has room for another reservation.
    pub fn has_room(&self) -> bool {
        self.holds.len() < HOLDS_MAX
    }

    /// Pieces in transfer: they left one side and have not arrived at the other.
    pub fn on_the_way(&self, exchange: Exchange) -> u64 {
        exchange.granted.saturating_sub(self.arrived)
            + self.given_back.saturating_sub(exchange.taken_back)
    }

    /// Whether there is nothing to do: no hold has expired, and no pieces are free or in transfer.
    pub fn is_at_rest(&self, exchange: Exchange, now_ms: u64) -> bool {
        let is_over = self.holds.values().any(|hold| hold.is_over(now_ms));
        !is_over && self.free() == 0 && self.on_the_way(exchange) == 0
    }

    /// Adds the pieces that were granted and have not arrived yet. `granted` is the total ever
    /// granted.
    pub fn arrive(&mut self, granted: u64) {
        self.arrived = self.arrived.max(granted);
    }

    /// Holds pieces for an attempt at a reservation, like [`super::Stock::hold`].
    pub fn hold(&mut self, id: &str, hold: Hold) -> Result<(), HoldRefused> {
        let earlier = self.holds.get(id);
        if earlier.is_some_and(|earlier| earlier.attempt > hold.attempt) {
            return Err(HoldRefused::Overtaken);
        }
        let own = earlier.map_or(0, |hold| i64::from(hold.quantity));
        let available = self.free() + own;
        if available < i64::from(hold.quantity) {
            return Err(HoldRefused::Short(u32::try_from(available).unwrap_or(0)));
        }
        if earlier.is_none() && !self.has_room() {
            return Err(HoldRefused::TooMany);
        }
        self.holds.insert(id.to_owned(), hold);
        Ok(())
    }

    /// Releases the hold of this or an earlier attempt, if there is one.
    pub fn free_hold(&mut self, id: &str, attempt: u32) {
        if self.holds.get(id).is_some_and(|hold| hold.attempt <= attempt) {
            self.holds.remove(id);
        }
    }

    /// Turns the hold of exactly this attempt into a sale, if it exists.
    pub fn sell(&mut self, id: &str, attempt: u32) {
        let Some(hold) = self.holds.get(id).filter(|hold| hold.attempt == attempt) else { return };
        self.sold += u64::from(hold.quantity);
        self.holds.remove(id);
    }

    /// Gives back all pieces that are not held.
    pub fn give_back(&mut self) {
        self.given_back += u64::try_from(self.free()).unwrap_or(0);
    }
}

fn signed(pieces: u64) -> i64 {
    i64::try_from(pieces).unwrap_or(i64::MAX)
}
