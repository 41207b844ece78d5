//! Who carries a parcel: the couriers as data, and the choice between them.
//!
//! A courier costs its distance to the addressee plus what it has to carry already. Of those
//! that have room, the cheapest is chosen; if none has, the cheapest of all. Equal costs are
//! settled by the smaller load, then by the courier's code, so that the same fleet in the same
//! state always answers alike.

use super::place::Place;
use super::van::{VAN_PARCELS, VAN_PARCELS_MAX};

/// What a parcel on the way weighs against a zone of distance.
const ZONES_PER_PARCEL: u32 = 2;

/// A courier and where its depot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Courier {
    /// Stands in tracking codes.
    pub code: &'static str,
    pub name: &'static str,
    /// Where its depot is.
    pub place: Place<'static>,
    /// Each has room for [`VAN_PARCELS`].
    pub vans: u32,
}

/// All couriers. Any of them delivers anywhere; some are just nearer.
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
    Courier { code, name, place: Place { country, zone: Some(zone) }, vans }
}

/// Whether a courier can take one more parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Yes.
    Free,
    /// Only if nobody else can: its vans are full and will have to go twice.
    Full,
    /// No.
    Never,
}

impl Courier {
    /// Whether it can take one more, with so many parcels on the way.
    pub fn room(&self, load: u32) -> Room {
        if load < self.vans * VAN_PARCELS {
            Room::Free
        } else if load < self.vans * VAN_PARCELS_MAX {
            Room::Full
        } else {
            Room::Never
        }
    }
}

/// The search for the courier of one parcel. It asks for the loads of couriers one after the
/// other, the nearest first, and stops as soon as nobody farther off could be better: most
/// parcels are given away without looking at the whole fleet.
#[derive(Clone, Debug)]
pub struct Matching {
    /// With their distances, the farthest first.
    left: Vec<(u32, Courier)>,
    best: Option<(Cost, Courier)>,
}

/// What is compared: room, distance and load together, load, code.
type Cost = (Room, u32, u32, &'static str);

impl Matching {
    /// The search for a parcel that goes there.
    pub fn new(to: Place<'_>) -> Matching {
        let mut left: Vec<_> =
            FLEET.into_iter().map(|courier| (courier.place.distance(to), courier)).collect();
        left.sort_by(|(one, a), (other, b)| (other, b.code).cmp(&(one, a.code)));
        Matching { left, best: None }
    }

    /// The courier whose load must be told next; none if the choice is certain.
    pub fn asks_for(&self) -> Option<Courier> {
        let (distance, courier) = self.left.last()?;
        let certain =
            |((room, cost, ..), _): &(Cost, Courier)| *room == Room::Free && cost < distance;
        if self.best.as_ref().is_some_and(certain) { None } else { Some(*courier) }
    }

    /// Tells the load of the courier that was asked for, in parcels.
    pub fn tell(&mut self, load: u32) {
        let Some((distance, courier)) = self.left.pop() else { return };
        let weight = load.saturating_mul(ZONES_PER_PARCEL);
        let cost = (courier.room(load), distance.saturating_add(weight), load, courier.code);
        if self.best.as_ref().is_none_or(|(best, _)| cost < *best) {
            self.best = Some((cost, courier));
        }
    }

    /// The best so far, and whether it has room; none if nobody can take anything.
    pub fn choice(&self) -> Option<(Courier, Room)> {
        let ((room, ..), courier) = self.best.as_ref()?;
        (*room != Room::Never).then_some((*courier, *room))
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

    fn choose(to: Place<'_>, loads: &Loads) -> Option<(Courier, Room)> {
        let mut matching = Matching::new(to);
        while let Some(courier) = matching.asks_for() {
            matching.tell(loads.get(courier.code).copied().unwrap_or(0));
        }
        matching.choice()
    }

    fn code(country: &str, postal_code: &str, loads: &Loads) -> &'static str {
        let address = Address {
            name: String::new(),
            street: String::new(),
            city: String::new(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
        };
        choose(address.place(), loads).unwrap().0.code
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
    fn every_address_gets_somebody() {
        for country in ["NZ", "BR", "ZA", "AQ"] {
            assert_eq!(code(country, "", &Loads::new()), "ALP", "the first by its code");
        }
    }

    #[test]
    fn a_loaded_courier_gives_way_to_one_farther_off() {
        assert_eq!(code("AT", "1010", &Loads::from([("DON", 25)])), "ALP", "less to carry");
        assert_eq!(code("AT", "1010", &Loads::from([("DON", 24)])), "DON");
    }

    #[test]
    fn a_full_fleet_goes_twice_and_no_more() {
        let vienna = Place { country: "AT", zone: Some(10) };
        let full = all(|it| it.vans * VAN_PARCELS);
        assert_eq!(choose(vienna, &full).map(|it| it.1), Some(Room::Full));
        assert_eq!(choose(vienna, &all(|it| it.vans * VAN_PARCELS_MAX)), None);
    }

    #[test]
    fn an_idle_fleet_is_not_asked_through() {
        let mut matching = Matching::new(Place { country: "AT", zone: Some(10) });
        assert_eq!(matching.asks_for().map(|it| it.code), Some("DON"));
        matching.tell(0);
        assert_eq!(matching.asks_for(), None);
    }

    fn places() -> impl Strategy<Value = Place<'static>> {
        let country = prop::sample::select(vec!["AT", "DE", "FR", "US", "JP", "CH", "NZ"]);
        (country, prop::option::of(0..100_u32)).prop_map(|(country, zone)| Place { country, zone })
    }

    proptest! {
        #[test]
        fn the_choice_is_the_best_of_all_and_never_full_while_others_are_free(
            to in places(),
            loads in prop::collection::vec(prop_oneof![0..40_u32, 200..700_u32, 1_100..2_500_u32], 8),
        ) {
            let loads: Loads = FLEET.iter().map(|it| it.code).zip(loads).collect();
            let cost = |it: &Courier| {
                let load = loads[it.code];
                (it.room(load), it.place.distance(to) + 2 * load, load, it.code)
            };
            let best = FLEET.into_iter().min_by_key(cost).unwrap();
            let usable = best.room(loads[best.code]) != Room::Never;
            let chosen = choose(to, &loads);
            prop_assert_eq!(chosen.map(|it| it.0), usable.then_some(best));
            let free = FLEET.iter().any(|it| it.room(loads[it.code]) == Room::Free);
            prop_assert!(!free || chosen.unwrap().1 == Room::Free);
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn however_many_parcels_come_nobody_is_overfull_before_all_are_full(
            places in prop::collection::vec(places(), 1..50),
        ) {
            let mut loads = all(|_| 0);
            let room: u32 = FLEET.iter().map(|it| it.vans * VAN_PARCELS).sum();
            for (count, to) in (0..room).zip(places.iter().cycle()) {
                let (courier, _) = choose(*to, &loads).unwrap();
                let load = loads.get_mut(courier.code).unwrap();
                *load += 1;
                prop_assert!(*load <= courier.vans * VAN_PARCELS, "{courier:?} after {count}");
            }
        }
    }
}
