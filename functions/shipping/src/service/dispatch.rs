//! Assigning parcels to vans, and keeping the loads of vans correct.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chassis::events::Producer;
use chassis::parts::Parts;
use chassis::store::{Store, StoreError};

use super::Shipping;
use crate::domain::{
    CLAIM_MS, Capacity, Consignment, Courier, CourierSearch, FLEET, Location, Refusal, VAN_PARCELS,
    VAN_PARCELS_MAX, Van, VanId,
};
use crate::records::van_key;

/// How often the search is repeated because the chosen van was full in the meantime.
const SEARCHES_MAX: u32 = 16;

/// The loads of vans by the code of their courier, in the order of their numbers.
pub(super) type Loads = BTreeMap<&'static str, Vec<u32>>;

impl<S: Store, P: Producer, C: chassis::Clock> Shipping<S, P, C> {
    /// Finds a courier for one parcel and claims space in one of its vans. `None` if all vans are
    /// full. `known` has the loads that were read for other parcels of the order: reading them
    /// again costs more than a slightly fuller van, and a claim that exceeds the limit is refused.
    pub(super) async fn assign(
        &self,
        order_id: &str,
        to: Location<'_>,
        now_ms: u64,
        known: &mut Loads,
    ) -> Result<Option<(Courier, VanId)>, StoreError> {
        let check_at_ms = self.simulation.pickup_at_ms(now_ms).unwrap_or(now_ms + CLAIM_MS);
        for _ in 0..SEARCHES_MAX {
            let mut search = CourierSearch::new(to);
            while let Some(courier) = search.next_courier() {
                search.add_load(self.loads(courier, known).await?.iter().sum());
            }
            let Some((courier, capacity)) = search.best() else { return Ok(None) };
            let limit = if capacity == Capacity::Free { VAN_PARCELS } else { VAN_PARCELS_MAX };
            let loads = self.loads(courier, known).await?;
            let emptiest = (0..).zip(loads.iter_mut()).min_by_key(|(_, load)| **load);
            let Some((number, load)) = emptiest else { return Ok(None) };
            let van = VanId { courier: courier.code.to_owned(), number };
            let claim = |van: &mut Van| van.claim(order_id, limit, now_ms, check_at_ms);
            if self.records.change_van(&van, claim).await? {
                *load += 1;
                return Ok(Some((courier, van)));
            }
            known.clear();
        }
        Err(StoreError::Contended("vans".to_owned()))
    }

    /// The loads of a courier's vans, which are read if they are not known.
    async fn loads<'a>(
        &self,
        courier: Courier,
        known: &'a mut Loads,
    ) -> Result<&'a mut Vec<u32>, StoreError> {
        match known.entry(courier.code) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let mut loads = Vec::new();
                for van in vans_of(courier) {
                    loads.push(self.records.van(&van).await?.load());
                }
                Ok(unknown.insert(loads))
            }
        }
    }

    /// Updates the load of the vans of a consignment, and of those that were claimed for it.
    pub(super) async fn settle_vans(
        &self,
        consignment: &Consignment,
        claimed: BTreeSet<VanId>,
    ) -> Result<(), StoreError> {
        let own = consignment.parcels.iter().filter_map(|parcel| parcel.van.clone());
        let vans: BTreeSet<VanId> = own.chain(claimed).collect();
        let (order_id, now_ms) = (&consignment.order_id, self.clock.now_ms());
        let next_ms = consignment.next_step_ms(self.simulation);
        for van in &vans {
            let open = consignment.open_in(van);
            let settle = |van: &mut Van| van.settle(order_id, open, next_ms, now_ms);
            self.records.change_van(van, settle).await?;
        }
        Ok(())
    }

    /// Removes expired claims for an order without a consignment.
    pub(super) async fn drop_expired_claims(
        &self,
        order_id: &str,
        vans: &BTreeSet<VanId>,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        for van in vans {
            self.records.change_van(van, |van| van.drop_expired(order_id, now_ms)).await?;
        }
        Ok(())
    }

    /// The orders that are due and their vans, at most `limit`: those that have been due for the
    /// longest time. Each van is a part of the sweep.
    pub(super) async fn due(
        &self,
        limit: usize,
        parts: &mut Parts<Refusal>,
    ) -> BTreeMap<String, BTreeSet<VanId>> {
        let (now_ms, mut found) = (self.clock.now_ms(), Vec::new());
        for id in FLEET.into_iter().flat_map(vans_of) {
            let van = self.records.van(&id).await.map_err(Refusal::from);
            let van = parts.done(&van_key(&id), van);
            let due = van.due(now_ms).map(|(due_ms, order)| (due_ms, order.to_owned(), id.clone()));
            found.extend(due);
        }
        found.sort();
        let mut due = BTreeMap::<String, BTreeSet<VanId>>::new();
        for (_, order_id, van) in found {
            if due.len() < limit || due.contains_key(&order_id) {
                due.entry(order_id).or_default().insert(van);
            }
        }
        due
    }
}

fn vans_of(courier: Courier) -> impl Iterator<Item = VanId> {
    (0..courier.vans).map(move |number| VanId { courier: courier.code.to_owned(), number })
}
