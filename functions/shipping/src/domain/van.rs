//! Vans: the current load of a courier.
//!
//! A load is not a counter, which a crash between two writes would leave wrong forever. A van lists
//! the orders whose parcels it carries, and the consignment of an order is authoritative, so a van
//! can be corrected at any time. Vans are also the list of open orders for sweeps.
//!
//! Space is claimed before the consignment is written, so that two orders do not get the last
//! space. A claim without a consignment is dropped after [`CLAIM_MS`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The capacity of a van, in parcels.
pub const VAN_PARCELS: u32 = 150;
/// The capacity of a van if no courier has space, in parcels: it makes several trips. Beyond that,
/// orders are refused until parcels are delivered.
pub const VAN_PARCELS_MAX: u32 = 4 * VAN_PARCELS;
/// The lifetime of a claim without a consignment, in milliseconds: longer than any request.
pub const CLAIM_MS: u64 = 60_000;
/// An order without a due step is checked again after this time, in milliseconds.
const CHECK_AGAIN_MS: u64 = 300_000;

/// Identifies a van: a courier's code and a number from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VanId {
    pub courier: String,
    pub number: u32,
}

/// The orders whose parcels a van carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Van {
    jobs: BTreeMap<String, Job>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    parcels: u32,
    /// The time of the last claim, in milliseconds since the epoch.
    claimed_at_ms: u64,
    /// When to check its order next, in milliseconds since the epoch.
    #[serde(rename = "look_at_ms")]
    check_at_ms: u64,
}

impl Van {
    /// Parcels that it carries or has to fetch.
    pub fn load(&self) -> u32 {
        self.jobs.values().map(|job| job.parcels).sum()
    }

    /// Claims space for one parcel of an order, which is checked at `check_at_ms`. Returns false if
    /// the van has `limit` parcels.
    pub fn claim(&mut self, order_id: &str, limit: u32, now_ms: u64, check_at_ms: u64) -> bool {
        if self.load() >= limit {
            return false;
        }
        let job = self.jobs.entry(order_id.to_owned());
        let job = job.or_insert(Job { parcels: 0, claimed_at_ms: now_ms, check_at_ms });
        *job = Job { parcels: job.parcels + 1, claimed_at_ms: now_ms, check_at_ms };
        true
    }

    /// Sets the number of an order's parcels to that of its consignment; 0 removes the order.
    /// Without `next_ms`, a planned check that is not due stays.
    pub fn settle(&mut self, order_id: &str, parcels: u32, next_ms: Option<u64>, now_ms: u64) {
        if parcels == 0 {
            self.jobs.remove(order_id);
            return;
        }
        let known = self.jobs.get(order_id);
        let claimed_at_ms = known.map_or(0, |job| job.claimed_at_ms);
        let ahead = known.map(|job| job.check_at_ms).filter(|at_ms| *at_ms > now_ms);
        let again_ms = now_ms.saturating_add(CHECK_AGAIN_MS);
        let check_at_ms = next_ms.or(ahead).unwrap_or(again_ms);
        self.jobs.insert(order_id.to_owned(), Job { parcels, claimed_at_ms, check_at_ms });
    }

    /// Parcels of this order.
    pub fn parcels_of(&self, order_id: &str) -> u32 {
        self.jobs.get(order_id).map_or(0, |job| job.parcels)
    }

    /// Removes the expired claim of an order without a consignment.
    pub fn drop_expired(&mut self, order_id: &str, now_ms: u64) {
        let has_expired = |job: &Job| job.claimed_at_ms.saturating_add(CLAIM_MS) <= now_ms;
        if self.jobs.get(order_id).is_some_and(has_expired) {
            self.jobs.remove(order_id);
        }
    }

    /// The orders to check now, and since when they are due.
    pub fn due(&self, now_ms: u64) -> impl Iterator<Item = (u64, &str)> {
        let due = move |(_, job): &(&String, &Job)| job.check_at_ms <= now_ms;
        self.jobs.iter().filter(due).map(|(order_id, job)| (job.check_at_ms, order_id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_limited_by_the_capacity() {
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
    fn a_claim_is_dropped_when_it_has_expired() {
        let mut van = Van::default();
        van.claim("a", 2, 1_000, 3_000);
        assert_eq!(van.due(2_999).count(), 0);
        assert_eq!(van.due(3_000).next(), Some((3_000, "a")));
        van.drop_expired("a", CLAIM_MS + 999);
        assert_eq!(van.load(), 1);
        van.claim("a", 2, 5_000, 7_000);
        van.drop_expired("a", CLAIM_MS + 1_000);
        assert_eq!(van.load(), 2, "it was claimed again");
        van.drop_expired("a", CLAIM_MS + 5_000);
        assert_eq!(van.load(), 0);
    }

    #[test]
    fn a_correct_claim_is_not_changed() {
        let mut van = Van::default();
        van.claim("a", 2, 1_000, 5_000);
        let claimed = van.clone();
        van.settle("a", 1, Some(5_000), 1_100);
        van.settle("a", 1, None, 1_100);
        assert_eq!(van, claimed, "so nothing has to be written");
        van.settle("a", 1, None, 5_000);
        assert_eq!(van.due(5_000 + CHECK_AGAIN_MS).next(), Some((5_000 + CHECK_AGAIN_MS, "a")));
    }
}
