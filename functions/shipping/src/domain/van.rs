//! Vans: what a courier has to carry now.
//!
//! A courier's load is not a count that goes up and down, which a crash between two writes
//! would leave wrong for ever. A van notes *which orders* it carries parcels of; whether it
//! still does is to be seen in the order's consignment, which is the truth. So a van can be set
//! right at any time. Vans are also where open orders are found, to let time pass for them.
//!
//! Room is claimed before the consignment is written, so that no two orders are given the
//! last place. A claim that no consignment comes to back is dropped after [`CLAIM_MS`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Parcels that a van has room for.
pub const VAN_PARCELS: u32 = 150;
/// Parcels that are given to a van when no courier has room: it will go twice. Beyond that
/// shipping takes nothing more until something is delivered.
pub const VAN_PARCELS_MAX: u32 = 4 * VAN_PARCELS;
/// How long a claim waits for its consignment, in milliseconds: longer than any request lives.
pub const CLAIM_MS: u64 = 60_000;
/// When an order is looked at again for which nothing is due, in milliseconds.
const LOOK_AGAIN_MS: u64 = 300_000;

/// Names a van: a courier's code and a number from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VanId {
    pub courier: String,
    pub number: u32,
}

/// The orders that a van carries parcels of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Van {
    jobs: BTreeMap<String, Job>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    parcels: u32,
    /// Claimed last, in milliseconds since the epoch.
    claimed_at_ms: u64,
    /// When to look at its order next, in milliseconds since the epoch.
    look_at_ms: u64,
}

impl Van {
    /// Parcels that it carries or is to fetch.
    pub fn load(&self) -> u32 {
        self.jobs.values().map(|job| job.parcels).sum()
    }

    /// Claims room for one parcel of an order, which is to be looked at at `look_at_ms`; false
    /// if the van has `limit` already.
    pub fn claim(&mut self, order_id: &str, limit: u32, now_ms: u64, look_at_ms: u64) -> bool {
        if self.load() >= limit {
            return false;
        }
        let job = self.jobs.entry(order_id.to_owned());
        let job = job.or_insert(Job { parcels: 0, claimed_at_ms: now_ms, look_at_ms });
        *job = Job { parcels: job.parcels + 1, claimed_at_ms: now_ms, look_at_ms };
        true
    }

    /// Sets an order's parcels to what its consignment says; none ends the job. Without a time
    /// to look at it again, one that lies ahead stays.
    pub fn settle(&mut self, order_id: &str, parcels: u32, next_ms: Option<u64>, now_ms: u64) {
        if parcels == 0 {
            self.jobs.remove(order_id);
            return;
        }
        let known = self.jobs.get(order_id);
        let claimed_at_ms = known.map_or(0, |job| job.claimed_at_ms);
        let ahead = known.map(|job| job.look_at_ms).filter(|at_ms| *at_ms > now_ms);
        let again_ms = now_ms.saturating_add(LOOK_AGAIN_MS);
        let look_at_ms = next_ms.or(ahead).unwrap_or(again_ms);
        self.jobs.insert(order_id.to_owned(), Job { parcels, claimed_at_ms, look_at_ms });
    }

    /// Parcels of this order.
    pub fn parcels_of(&self, order_id: &str) -> u32 {
        self.jobs.get(order_id).map_or(0, |job| job.parcels)
    }

    /// Drops the job of an order that has no consignment, unless it may still come.
    pub fn drop_stale(&mut self, order_id: &str, now_ms: u64) {
        let stale = |job: &Job| job.claimed_at_ms.saturating_add(CLAIM_MS) <= now_ms;
        if self.jobs.get(order_id).is_some_and(stale) {
            self.jobs.remove(order_id);
        }
    }

    /// The orders to look at now, and since when that is due.
    pub fn due(&self, now_ms: u64) -> impl Iterator<Item = (u64, &str)> {
        let due = move |(_, job): &(&String, &Job)| job.look_at_ms <= now_ms;
        self.jobs.iter().filter(due).map(|(order_id, job)| (job.look_at_ms, order_id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_van_is_claimed_up_to_its_room() {
        let mut van = Van::default();
        assert!(van.claim("a", 2, 0, 9) && van.claim("a", 2, 0, 9));
        assert!(!van.claim("b", 2, 0, 9));
        assert_eq!((van.load(), van.parcels_of("a")), (2, 2));
        van.settle("a", 1, None, 0);
        assert!(van.claim("b", 2, 0, 9));
        van.settle("a", 0, None, 0);
        assert_eq!(van.load(), 1);
    }

    #[test]
    fn a_claim_is_dropped_only_after_its_time() {
        let mut van = Van::default();
        van.claim("a", 2, 1_000, 3_000);
        assert_eq!(van.due(2_999).count(), 0);
        assert_eq!(van.due(3_000).next(), Some((3_000, "a")));
        van.drop_stale("a", CLAIM_MS + 999);
        assert_eq!(van.load(), 1);
        van.claim("a", 2, 5_000, 7_000);
        van.drop_stale("a", CLAIM_MS + 1_000);
        assert_eq!(van.load(), 2, "somebody is at it again");
        van.drop_stale("a", CLAIM_MS + 5_000);
        assert_eq!(van.load(), 0);
    }

    #[test]
    fn a_claim_that_is_as_it_should_be_stays_as_it_is() {
        let mut van = Van::default();
        van.claim("a", 2, 1_000, 5_000);
        let claimed = van.clone();
        van.settle("a", 1, Some(5_000), 1_100);
        van.settle("a", 1, None, 1_100);
        assert_eq!(van, claimed, "so that nothing need be written");
        van.settle("a", 1, None, 5_000);
        assert_eq!(van.due(5_000 + LOOK_AGAIN_MS).next(), Some((5_000 + LOOK_AGAIN_MS, "a")));
    }
}
