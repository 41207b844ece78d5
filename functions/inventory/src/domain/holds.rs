//! The holds of one value: of a SKU's stock, or of one of its lanes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maximum number of holds in one value, which must stay small enough for frequent swaps.
/// Further holds go into lanes.
#[cfg(not(test))]
pub const HOLDS_MAX: usize = 1_000;
/// Small, so that all tests use lanes, too.
#[cfg(test)]
pub const HOLDS_MAX: usize = 4;

/// Pieces of one SKU that are held for a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Pieces.
    pub quantity: u32,
    /// The attempt at the reservation that made it; see [`super::Record`].
    pub attempt: u32,
    /// When it expires, in milliseconds since the epoch. Then it may be released, once its record
    /// is closed.
    pub expires_at_ms: u64,
}

impl Hold {
    /// Whether it has expired.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.expires_at_ms <= now_ms
    }
}

/// Why a hold was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldRefused {
    /// Only this many pieces are available.
    Short(u32),
    /// A later attempt at the same reservation has the hold.
    Overtaken,
    /// There are [`HOLDS_MAX`] holds already.
    TooMany,
}

/// Holds by reservation id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holds(BTreeMap<String, Hold>);

impl Holds {
    /// The hold of a reservation.
    pub fn get(&self, id: &str) -> Option<&Hold> {
        self.0.get(id)
    }

    /// All holds, by reservation id.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Hold)> {
        self.0.iter()
    }

    /// Whether there is room for another reservation.
    pub fn has_room(&self) -> bool {
        self.0.len() < HOLDS_MAX
    }

    /// Pieces that are held.
    pub fn pieces(&self) -> u64 {
        self.0.values().map(|hold| u64::from(hold.quantity)).sum()
    }

    /// Pieces that a reservation can have if `free` pieces are not held: those, and its own.
    pub fn available_to(&self, id: &str, free: i64) -> u32 {
        let own = self.get(id).map_or(0, |hold| i64::from(hold.quantity));
        u32::try_from(free + own).unwrap_or(0)
    }

    /// Holds pieces for an attempt at a reservation, if there are enough `free` pieces. It replaces
    /// the hold of an earlier attempt, so that a reservation does not compete with itself.
    ///
    /// # Errors
    /// Why the hold was not made; nothing has changed.
    pub fn hold(&mut self, id: &str, hold: Hold, free: i64) -> Result<(), HoldRefused> {
        let earlier = self.get(id);
        if earlier.is_some_and(|earlier| earlier.attempt > hold.attempt) {
            return Err(HoldRefused::Overtaken);
        }
        let available = self.available_to(id, free);
        if available < hold.quantity {
            return Err(HoldRefused::Short(available));
        }
        if earlier.is_none() && !self.has_room() {
            return Err(HoldRefused::TooMany);
        }
        self.0.insert(id.to_owned(), hold);
        Ok(())
    }

    /// Releases the hold of this or an earlier attempt, if there is one.
    pub fn release(&mut self, id: &str, attempt: u32) {
        if self.get(id).is_some_and(|hold| hold.attempt <= attempt) {
            self.0.remove(id);
        }
    }

    /// Removes the hold of exactly this attempt, if there is one. Returns its pieces, so 0 if this
    /// is repeated.
    pub fn take(&mut self, id: &str, attempt: u32) -> u64 {
        match self.get(id) {
            Some(hold) if hold.attempt == attempt => {
                self.0.remove(id).map_or(0, |hold| u64::from(hold.quantity))
            }
            _ => 0,
        }
    }

    /// At most `count` expired holds, with their reservation ids.
    pub fn expired(&self, now_ms: u64, count: usize) -> Vec<(String, Hold)> {
        let over = self.0.iter().filter(|(_, hold)| hold.is_over(now_ms));
        over.take(count).map(|(id, hold)| (id.clone(), hold.clone())).collect()
    }
}
