//! The pieces of one SKU. At every time `on hand + reserved + sold = received`.

use super::holds::{Hold, HoldRefused, Holds};
use super::lane::{Exchange, Lane};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maximum number of noted returns in one value. A further one is refused until some notes have
/// expired.
pub const RETURNS_NOTED_MAX: usize = 2_000;

/// One SKU. What is on hand is not stored but follows from the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    received: u32,
    /// Pieces that were ever sold here, including returned ones.
    sold: u64,
    holds: Holds,
    /// When returns were made, by their names: a repeated return must not count twice.
    returned: BTreeMap<String, u64>,
    /// Pieces that were sold, here or from a lane, and returned.
    #[serde(default)]
    restocked: u64,
    /// The transfers with its lanes, in the order of the lanes.
    #[serde(default)]
    lanes: Vec<Exchange>,
    /// Its position in the register of all SKUs.
    #[serde(rename = "place", default)]
    position: Option<u64>,
}

/// The figures of one SKU, in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Levels {
    /// Ever received.
    pub received: u32,
    /// Free to be ordered.
    pub on_hand: u32,
    /// Held by orders.
    pub reserved: u32,
    /// Sold and not taken back.
    pub sold: u32,
}

impl Stock {
    /// The figures of a SKU without lanes.
    pub fn levels(&self) -> Levels {
        self.levels_with(&[])
    }

    /// The figures of a SKU with these lanes. Pieces in transfer are on hand.
    pub fn levels_with(&self, lanes: &[Lane]) -> Levels {
        let in_lanes: u64 = lanes.iter().map(|lane| lane.holds().pieces()).sum();
        let sold: u64 = lanes.iter().map(Lane::sold).sum();
        let reserved = self.holds.pieces() + in_lanes;
        let sold = (self.sold + sold).saturating_sub(self.restocked);
        let on_hand = u64::from(self.received).saturating_sub(sold + reserved);
        let [reserved, sold, on_hand] =
            [reserved, sold, on_hand].map(|pieces| u32::try_from(pieces).unwrap_or(u32::MAX));
        Levels { received: self.received, on_hand, reserved, sold }
    }

    /// Pieces here that can be reserved; negative if more was reserved than ever existed.
    pub fn on_hand(&self) -> i64 {
        signed(u64::from(self.received)) - self.promised()
    }

    /// Pieces that were sold here or from these lanes and not returned.
    pub fn sold(&self, lanes: &[Lane]) -> i64 {
        let from_lanes: u64 = lanes.iter().map(Lane::sold).sum();
        signed(self.sold + from_lanes) - signed(self.restocked)
    }

    /// Pieces that are not free here: sold, held, or in the lanes.
    fn promised(&self) -> i64 {
        let granted: u64 = self.lanes.iter().map(|lane| lane.granted).sum();
        let taken_back: u64 = self.lanes.iter().map(|lane| lane.taken_back).sum();
        signed(self.sold + self.holds.pieces() + granted) - signed(self.restocked + taken_back)
    }

    /// The transfers with each lane.
    pub fn lanes(&self) -> &[Exchange] {
        &self.lanes
    }

    /// Grants pieces to a lane (numbered from 1). Returns the total ever granted to it.
    pub fn grant(&mut self, number: usize, pieces: i64) -> Result<u64, HoldRefused> {
        let available = self.on_hand();
        if pieces > available {
            return Err(HoldRefused::Short(u32::try_from(available).unwrap_or(0)));
        }
        if self.lanes.len() < number {
            self.lanes.resize(number, Exchange::default());
        }
        let Some(lane) = self.lanes.get_mut(number.saturating_sub(1)) else {
            return Err(HoldRefused::TooMany);
        };
        lane.granted += u64::try_from(pieces).unwrap_or(0);
        Ok(lane.granted)
    }

    /// Takes the pieces that a lane has given back and that have not arrived yet. `given_back` is
    /// the total ever given back.
    pub fn take_from_lane(&mut self, number: usize, given_back: u64) {
        if let Some(lane) = self.lanes.get_mut(number.saturating_sub(1)) {
            lane.taken_back = lane.taken_back.max(given_back);
        }
    }

    /// Sets how many pieces were ever received.
    ///
    /// # Errors
    /// The minimum, if that is fewer than are reserved and sold.
    pub fn receive(&mut self, received: u32) -> Result<(), u32> {
        let least = u32::try_from(self.promised().max(0)).unwrap_or(u32::MAX);
        if received < least {
            return Err(least);
        }
        self.received = received;
        Ok(())
    }

    /// Pieces that were ever received.
    pub fn received(&self) -> u32 {
        self.received
    }

    /// Its position in the register of all SKUs, once it has one.
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// Sets its position, unless it has one.
    pub fn register_at(&mut self, position: u64) {
        self.position.get_or_insert(position);
    }

    /// All holds, by reservation id.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Pieces that a reservation can have here: those on hand, and those that it holds itself.
    pub fn available_to(&self, id: &str) -> u32 {
        self.holds.available_to(id, self.on_hand())
    }

    /// Holds pieces for an attempt at a reservation; see [`Holds::hold`].
    ///
    /// # Errors
    /// Why the hold was not made.
    pub fn hold(&mut self, id: &str, hold: Hold) -> Result<(), HoldRefused> {
        let on_hand = self.on_hand();
        self.holds.hold(id, hold, on_hand)
    }

    /// Releases the hold of this or an earlier attempt, if there is one.
    pub fn free(&mut self, id: &str, attempt: u32) {
        self.holds.release(id, attempt);
    }

    /// Turns the hold of exactly this attempt into a sale, if it exists. Idempotent.
    pub fn sell(&mut self, id: &str, attempt: u32) {
        self.sold += self.holds.take(id, attempt);
    }

    /// Takes back what a sold reservation had of this SKU, whether or not its hold has become a sale
    /// yet. Idempotent until [`Stock::forget_return`]. Returns whether it is done; it is not if too
    /// many returns are noted.
    pub fn take_back(&mut self, id: &str, attempt: u32, quantity: u32, now_ms: u64) -> bool {
        if !self.note_return(id, now_ms) {
            return self.returned.contains_key(id);
        }
        if self.holds.take(id, attempt) == 0 {
            self.restocked += u64::from(quantity);
        }
        true
    }

    /// Puts sold pieces back into stock, once for each name of a return. Idempotent until
    /// [`Stock::forget_return`]. Returns whether it is done; it is not if too many returns are
    /// noted.
    pub fn restock(&mut self, name: &str, quantity: u32, now_ms: u64) -> bool {
        if !self.note_return(name, now_ms) {
            return self.returned.contains_key(name);
        }
        self.restocked += u64::from(quantity);
        true
    }

    /// Notes a return. False if it is not new or there is no room.
    fn note_return(&mut self, name: &str, now_ms: u64) -> bool {
        let is_new = !self.returned.contains_key(name);
        let is_noted = is_new && self.returned.len() < RETURNS_NOTED_MAX;
        if is_noted {
            self.returned.insert(name.to_owned(), now_ms);
        }
        is_noted
    }

    /// Forgets a return: only when its record is closed and no call can still repeat it.
    pub fn forget_return(&mut self, id: &str) {
        self.returned.remove(id);
    }

    /// Returns noted before `before_ms`, at most `count`.
    pub fn returns_before(&self, before_ms: u64, count: usize) -> Vec<String> {
        let old = self.returned.iter().filter(|(_, at_ms)| **at_ms < before_ms);
        old.take(count).map(|(id, _)| id.clone()).collect()
    }
}

pub(super) fn signed(pieces: u64) -> i64 {
    i64::try_from(pieces).unwrap_or(i64::MAX)
}
