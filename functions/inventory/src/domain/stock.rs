//! The pieces of one SKU. At every time `on hand + reserved + sold = received`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Holds on one SKU at once at most: its value must stay small enough to be swapped often.
pub const HOLDS_MAX: usize = 2_000;

/// One SKU. What is on hand is not stored but follows from the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    received: u32,
    sold: u32,
    /// By reservation id.
    holds: BTreeMap<String, Hold>,
    /// Sales that were taken back, and when: taking back twice must not count twice.
    returned: BTreeMap<String, u64>,
    /// Its place in the register of all SKUs.
    #[serde(default)]
    place: Option<u64>,
}

/// A claim of a reservation on pieces of this SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Pieces.
    pub quantity: u32,
    /// Which attempt at the reservation made it; see [`super::Record`].
    pub attempt: u32,
    /// From when on it may be given up, once its record is closed. Milliseconds.
    pub expires_at_ms: u64,
}

/// The figures of one SKU, in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Levels {
    /// Ever received.
    pub received: u32,
    /// Free to be reserved.
    pub on_hand: u32,
    /// Held by reservations.
    pub reserved: u32,
    /// Sold and not taken back.
    pub sold: u32,
}

/// Why a hold was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldRefused {
    /// Only so many pieces are available.
    Short(u32),
    /// A later attempt at the same reservation has the hold.
    Overtaken,
    /// [`HOLDS_MAX`] holds are there already.
    TooMany,
}

impl Stock {
    /// The figures. Their sum is what was received, by construction.
    pub fn levels(&self) -> Levels {
        let reserved = self.holds.values().map(|hold| hold.quantity).sum();
        let on_hand = self.received.saturating_sub(self.sold).saturating_sub(reserved);
        Levels { received: self.received, on_hand, reserved, sold: self.sold }
    }

    /// Set how many pieces were ever received; refused (with the least that is possible) if
    /// that is fewer than are reserved and sold.
    pub fn receive(&mut self, received: u32) -> Result<(), u32> {
        let levels = self.levels();
        let least = levels.reserved.saturating_add(levels.sold);
        if received < least {
            return Err(least);
        }
        self.received = received;
        Ok(())
    }

    /// Its place in the register of all SKUs, once it has one.
    pub fn place(&self) -> Option<u64> {
        self.place
    }

    /// Give it this place, unless it has one.
    pub fn settle_at(&mut self, place: Option<u64>) {
        self.place = self.place.or(place);
    }

    /// All holds, by reservation id.
    pub fn holds(&self) -> &BTreeMap<String, Hold> {
        &self.holds
    }

    /// What a reservation can have: what is on hand, and what it holds itself.
    pub fn available_to(&self, id: &str) -> u32 {
        let own = self.holds.get(id).map_or(0, |hold| hold.quantity);
        self.levels().on_hand.saturating_add(own)
    }

    /// Hold pieces for an attempt at a reservation. The hold of an earlier attempt is taken
    /// over, so that a reservation never competes with itself for its pieces.
    pub fn hold(&mut self, id: &str, hold: Hold) -> Result<(), HoldRefused> {
        let earlier = self.holds.get(id);
        if earlier.is_some_and(|earlier| earlier.attempt > hold.attempt) {
            return Err(HoldRefused::Overtaken);
        }
        let available = self.available_to(id);
        if available < hold.quantity {
            return Err(HoldRefused::Short(available));
        }
        if earlier.is_none() && self.holds.len() >= HOLDS_MAX {
            return Err(HoldRefused::TooMany);
        }
        self.holds.insert(id.to_owned(), hold);
        Ok(())
    }

    /// Give up the hold that this or an earlier attempt made, if there is one.
    pub fn free(&mut self, id: &str, attempt: u32) {
        if self.holds.get(id).is_some_and(|hold| hold.attempt <= attempt) {
            self.holds.remove(id);
        }
    }

    /// Turn the hold of exactly this attempt into a sale, if it is still there. A second time
    /// it is not, so this is idempotent.
    pub fn sell(&mut self, id: &str, attempt: u32) {
        let Some(hold) = self.holds.get(id).filter(|hold| hold.attempt == attempt) else { return };
        self.sold = self.sold.saturating_add(hold.quantity);
        self.holds.remove(id);
    }

    /// Take back what a sold reservation had of this SKU, whether or not its hold has become
    /// a sale yet. Idempotent until [`Stock::forget_return`].
    pub fn take_back(&mut self, id: &str, attempt: u32, quantity: u32, now_ms: u64) {
        if self.returned.contains_key(id) {
            return;
        }
        if self.holds.get(id).is_some_and(|hold| hold.attempt == attempt) {
            self.holds.remove(id);
        } else {
            self.sold = self.sold.saturating_sub(quantity);
        }
        self.returned.insert(id.to_owned(), now_ms);
    }

    /// Forget that a sale was taken back: only when its record is closed and nobody can still
    /// be at it.
    pub fn forget_return(&mut self, id: &str) {
        self.returned.remove(id);
    }

    /// Returns noted before `before_ms`, at most `count`.
    pub fn returns_before(&self, before_ms: u64, count: usize) -> Vec<String> {
        let old = self.returned.iter().filter(|(_, at_ms)| **at_ms < before_ms);
        old.take(count).map(|(id, _)| id.clone()).collect()
    }

    /// Holds whose time has come, at most `count`: reservation id and hold.
    pub fn expired(&self, now_ms: u64, count: usize) -> Vec<(String, Hold)> {
        let over = self.holds.iter().filter(|(_, hold)| hold.expires_at_ms <= now_ms);
        over.take(count).map(|(id, hold)| (id.clone(), hold.clone())).collect()
    }
}
