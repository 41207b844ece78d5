//! The couriers, and the choice of one for a parcel.
//!
//! The cost of a courier is its distance to the addressee plus its load. Of the couriers with free
//! capacity, the one with the lowest cost is chosen; if none is free, the one with the lowest cost
//! of all. If costs are equal, the smaller load and then the courier's code decide, so that the
//! choice is deterministic.

use super::location::Location;
use super::van::{VAN_PARCELS, VAN_PARCELS_MAX};

/// The cost of a parcel in transit, in zones of distance.
const ZONES_PER_PARCEL: u32 = 2;

/// A courier and its depot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Courier {
    /// The prefix of its tracking codes.
    pub code: &'static str,
    pub name: &'static str,
    /// The location of its depot.
    pub location: Location<'static>,
    /// The number of its vans.
    pub vans: u32,
}

/// All couriers. Each of them delivers everywhere.
pub const FLEET: [Courier; 8] = [
    courier("DON", "Donaukurier", "AT", 10, 2),
    courier("ALP", "Alpenbote", "AT", 60, 2),
    courier("SPR", "Spree Express", "DE", 10, 4),
    courier("RHE", "Rheinläufer", "DE", 50, 4),
    courier("ISA", "Isarpost", "DE", 80, 3),
    courier("SEI", "Coursier Seine", "FR", 75, 3),
    courier("HUD", "Hudson Parcel", "US", 10, 4),
    courier("NIP", "Nippon Takuhai", "JP", 10, 4),
];

const fn courier(
    code: &'static str,
    name: &'static str,
    country: &'static str,
    zone: u32,
    vans: u32,
) -> Courier {
    Courier { code, name, location: Location { country, zone: Some(zone) }, vans }
}

/// Whether a courier can take another parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capacity {
    /// It can.
    Free,
    /// Only if no other courier can: its vans have to make several trips.
    Full,
    /// It can't.
    None,
}

impl Courier {
    /// Its capacity with this number of parcels in transit.
    pub fn capacity(&self, load: u32) -> Capacity {
        if load < self.vans * VAN_PARCELS {
            Capacity::Free
        } else if load < self.vans * VAN_PARCELS_MAX {
            Capacity::Full
        } else {
            Capacity::None
        }
    }
}

/// The search for the courier of one parcel. It requests the loads of couriers one after the other,
/// the nearest first, and ends when no farther courier can be better, so it seldom has to read the
/// loads of the whole fleet.
#[derive(Clone, Debug)]
pub struct CourierSearch {
    /// With their distances, the farthest first.
    left: Vec<(u32, Courier)>,
    best: Option<(Cost, Courier)>,
}

/// Compared in this order: capacity, distance plus load, load, code.
type Cost = (Capacity, u32, u32, &'static str);

impl CourierSearch {
    /// The search for a parcel with this destination.
    pub fn new(to: Location<'_>) -> CourierSearch {
        let mut left: Vec<_> =
            FLEET.into_iter().map(|courier| (courier.location.distance(to), courier)).collect();
        left.sort_by(|(one, a), (other, b)| (other, b.code).cmp(&(one, a.code)));
        CourierSearch { left, best: None }
    }

    /// The courier whose load is needed next; `None` if the choice is final.
    pub fn next_courier(&self) -> Option<Courier> {
        let (distance, courier) = self.left.last()?;
        let certain = |((capacity, cost, ..), _): &(Cost, Courier)| {
            *capacity == Capacity::Free && cost < distance
        };
        if self.best.as_ref().is_some_and(certain) { None } else { Some(*courier) }
    }

    /// Adds the load of the courier that [`CourierSearch::next_courier`] has returned, in parcels.
    pub fn add_load(&mut self, load: u32) {
        let Some((distance, courier)) = self.left.pop() else { return };
        let weight = load.saturating_mul(ZONES_PER_PARCEL);
        let cost = (courier.capacity(load), distance.saturating_add(weight), load, courier.code);
        if self.best.as_ref().is_none_or(|(best, _)| cost < *best) {
            self.best = Some((cost, courier));
        }
    }

    /// The best courier so far, and its capacity; `None` if all are full.
    pub fn best(&self) -> Option<(Courier, Capacity)> {
        let ((capacity, ..), courier) = self.best.as_ref()?;
        (*capacity != Capacity::None).then_some((*courier, *capacity))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Address;

    type Loads = BTreeMap<&'static str, u32>;

    fn choose(to: Location<'_>, loads: &Loads) -> Option<(Courier, Capacity)> {
        let mut search = CourierSearch::new(to);
        while let Some(courier) = search.next_courier() {
            search.add_load(loads.get(courier.code).copied().unwrap_or(0));
        }
        search.best()
    }

    fn code(country: &str, postal_code: &str, loads: &Loads) -> &'static str {
        let address = Address {
            name: String::new(),
            street: String::new(),
            city: String::new(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
        };
        choose(address.location(), loads).unwrap().0.code
    }

    fn all(loads: impl Fn(&Courier) -> u32) -> Loads {
        FLEET.iter().map(|courier| (courier.code, loads(courier))).collect()
    }

    #[test]
    fn the_nearest_courier_is_chosen() {
        for (country, postal_code, expected) in [
            ("AT", "1010", "DON"),
            ("AT", "6020", "ALP"),
            ("DE", "80331", "ISA"),
            ("DE", "D-50667", "RHE"),
            ("CA", "K1A 0B1", "HUD"),
            ("KR", "03187", "NIP"),
        ] {
            assert_eq!(code(country, postal_code, &Loads::new()), expected, "{postal_code}");
        }
    }

    #[test]
    fn a_full_fleet_makes_a_limited_number_of_trips() {
        let vienna = Location { country: "AT", zone: Some(10) };
        let full = all(|it| it.vans * VAN_PARCELS);
        assert_eq!(choose(vienna, &full).map(|it| it.1), Some(Capacity::Full));
        assert_eq!(choose(vienna, &all(|it| it.vans * VAN_PARCELS_MAX)), None);
    }

    #[test]
    fn the_search_ends_at_an_idle_nearby_courier() {
        let mut search = CourierSearch::new(Location { country: "AT", zone: Some(10) });
        assert_eq!(search.next_courier().map(|it| it.code), Some("DON"));
        search.add_load(0);
        assert_eq!(search.next_courier(), None);
    }

    fn locations() -> impl Strategy<Value = Location<'static>> {
        let country = prop::sample::select(vec!["AT", "DE", "FR", "US", "JP", "CH", "NZ"]);
        (country, prop::option::of(0..100_u32))
            .prop_map(|(country, zone)| Location { country, zone })
    }

    proptest! {
        #[test]
        fn the_choice_is_the_best_courier_and_free_if_any_is(
            to in locations(),
            loads in prop::collection::vec(prop_oneof![0..40_u32, 200..700_u32, 1_100..2_500_u32], 8),
        ) {
            let loads: Loads = FLEET.iter().map(|it| it.code).zip(loads).collect();
            let cost = |it: &Courier| {
                let load = loads[it.code];
                (it.capacity(load), it.location.distance(to) + 2 * load, load, it.code)
            };
            let best = FLEET.into_iter().min_by_key(cost).unwrap();
            let usable = best.capacity(loads[best.code]) != Capacity::None;
            let chosen = choose(to, &loads);
            prop_assert_eq!(chosen.map(|it| it.0), usable.then_some(best));
            let free = FLEET.iter().any(|it| it.capacity(loads[it.code]) == Capacity::Free);
            prop_assert!(!free || chosen.unwrap().1 == Capacity::Free);
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn no_courier_is_overloaded_before_all_are_full(
            locations in prop::collection::vec(locations(), 1..50),
        ) {
            let mut loads = all(|_| 0);
            let capacity: u32 = FLEET.iter().map(|it| it.vans * VAN_PARCELS).sum();
            for (count, to) in (0..capacity).zip(locations.iter().cycle()) {
                let (courier, _) = choose(*to, &loads).unwrap();
                let load = loads.get_mut(courier.code).unwrap();
                *load += 1;
                prop_assert!(*load <= courier.vans * VAN_PARCELS, "{courier:?} after {count}");
            }
        }
    }
}
