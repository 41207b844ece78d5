//! Giving parcels to couriers, and keeping what their vans carry true.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use chassis::parts::Parts;
use chassis::store::{Store, StoreError};

use crate::domain::{
    CLAIM_MS, Consignment, Courier, FLEET, Matching, Place, Room, Simulation, VAN_PARCELS,
    VAN_PARCELS_MAX, Van, VanId,
};

/// How often a parcel is matched again because the van was full in the meantime.
const MATCHES_MAX: u32 = 16;

/// The vans, over their store: one value each.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch<S> {
    store: S,
}

/// The loads of vans by the code of their courier, in the order of their numbers.
pub(crate) type Loads = BTreeMap<&'static str, Vec<u32>>;

/// Vans with orders that are to be looked at now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Due {
    /// The vans of each order.
    pub(crate) orders: BTreeMap<String, BTreeSet<VanId>>,
}

impl<S: Store> Dispatch<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store }
    }

    /// Finds a courier for one parcel and claims room in one of its vans, to be looked at when
    /// the courier is due. None if nobody can take anything more. `seen` is what the parcels
    /// of the same order have seen of the vans: looking again costs more than a van that is a
    /// little fuller than it seemed, and a claim that does not fit is refused.
    pub(crate) async fn assign(
        &self,
        order_id: &str,
        to: Place<'_>,
        simulation: Simulation,
        now_ms: u64,
        seen: &mut Loads,
    ) -> Result<Option<(Courier, VanId)>, StoreError> {
        let look_at_ms = simulation.pickup_at_ms(now_ms).unwrap_or(now_ms + CLAIM_MS);
        for _ in 0..MATCHES_MAX {
            let mut matching = Matching::new(to);
            while let Some(courier) = matching.asks_for() {
                let loads = self.loads(courier, seen).await?;
                matching.tell(loads.iter().sum());
            }
            let Some((courier, room)) = matching.choice() else { return Ok(None) };
            let limit = if room == Room::Free { VAN_PARCELS } else { VAN_PARCELS_MAX };
            let loads = self.loads(courier, seen).await?;
            let emptiest = (0..).zip(loads.iter_mut()).min_by_key(|(_, load)| **load);
            let Some((number, load)) = emptiest else { return Ok(None) };
            let van = VanId { courier: courier.code.to_owned(), number };
            let claim = |van: &mut Van| van.claim(order_id, limit, now_ms, look_at_ms);
            if self.change(&van, claim).await? {
                *load += 1;
                return Ok(Some((courier, van)));
            }
            seen.clear();
        }
        Err(StoreError::Contended("vans".to_owned()))
    }

    /// The loads of a courier's vans, read if they were not seen.
    async fn loads<'a>(
        &self,
        courier: Courier,
        seen: &'a mut Loads,
    ) -> Result<&'a mut Vec<u32>, StoreError> {
        match seen.entry(courier.code) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let mut loads = Vec::new();
                for van in vans_of(courier) {
                    loads.push(self.read(&van).await?.load());
                }
                Ok(unknown.insert(loads))
            }
        }
    }

    /// Makes vans carry what the consignment says, no more and no less.
    pub(crate) async fn settle(
        &self,
        vans: &BTreeSet<VanId>,
        consignment: &Consignment,
        simulation: Simulation,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (order_id, next_ms) = (&consignment.order_id, consignment.next_step_ms(simulation));
        for van in vans {
            let open = consignment.open_in(van);
            self.change(van, |van| van.settle(order_id, open, next_ms, now_ms)).await?;
        }
        Ok(())
    }

    /// Drops claims that no consignment came to back.
    pub(crate) async fn drop_stale(
        &self,
        vans: &BTreeSet<VanId>,
        order_id: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        for van in vans {
            self.change(van, |van| van.drop_stale(order_id, now_ms)).await?;
        }
        Ok(())
    }

    /// The orders that are to be looked at, those first that are due the longest; at most
    /// `limit`. Each van is a part of the sweep.
    pub(crate) async fn due<E: From<StoreError> + Debug>(
        &self,
        now_ms: u64,
        limit: usize,
        parts: &mut Parts<E>,
    ) -> Due {
        let mut found = Vec::new();
        for id in FLEET.into_iter().flat_map(vans_of) {
            let van = self.read(&id).await.map_err(E::from);
            let van = parts.done(&key(&id), van);
            let due = van.due(now_ms).map(|(due_ms, order)| (due_ms, order.to_owned(), id.clone()));
            found.extend(due);
        }
        found.sort();
        let mut due = Due::default();
        for (_, order_id, van) in found {
            if due.orders.len() < limit || due.orders.contains_key(&order_id) {
                due.orders.entry(order_id).or_default().insert(van);
            }
        }
        due
    }

    async fn read(&self, van: &VanId) -> Result<Van, StoreError> {
        Ok(self.store.read(&key(van)).await?.unwrap_or_default())
    }

    async fn change<R: Send>(
        &self,
        van: &VanId,
        change: impl Fn(&mut Van) -> R + Send + Sync,
    ) -> Result<R, StoreError> {
        self.store
            .update(&key(van), |known: Option<Van>| {
                let mut van = known.unwrap_or_default();
                let result = change(&mut van);
                Ok((van, result))
            })
            .await
    }
}

fn vans_of(courier: Courier) -> impl Iterator<Item = VanId> {
    (0..courier.vans).map(move |number| VanId { courier: courier.code.to_owned(), number })
}

fn key(van: &VanId) -> String {
    format!("van:{}:{}", van.courier, van.number)
}
