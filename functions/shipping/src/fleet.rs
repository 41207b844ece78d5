//! Who carries a parcel: the couriers as data, and the choice between them.
//!
//! A courier costs its distance to the addressee plus what it has to carry already today.
//! Exact positions would not decide otherwise than zones do, and postal codes are what an
//! address has; so distance is counted in zones.

use std::collections::BTreeMap;

/// The zones between two halves of one country, at most.
const ZONES_WITHIN_COUNTRY: u32 = 99;
/// The distance to a country of the same region.
const ABROAD: u32 = 300;
/// The distance to the rest of the world.
const OVERSEAS: u32 = 1_000;
/// What a parcel on the truck weighs against a zone of distance.
const ZONES_PER_PARCEL: u32 = 2;

/// A courier and where its depot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Courier {
    /// Stands in tracking codes.
    pub code: &'static str,
    pub name: &'static str,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// The leading two digits of the depot's postal code.
    pub zone: u32,
    /// Parcels on one day; beyond it another courier is asked first.
    pub parcels_per_day: u32,
}

/// All couriers. Any of them delivers anywhere; some are just nearer.
pub const FLEET: [Courier; 8] = [
    Courier { code: "DON", name: "Donaukurier", country: "AT", zone: 10, parcels_per_day: 400 },
    Courier { code: "ALP", name: "Alpenbote", country: "AT", zone: 60, parcels_per_day: 250 },
    Courier { code: "SPR", name: "Spree Express", country: "DE", zone: 10, parcels_per_day: 900 },
    Courier { code: "RHE", name: "Rheinläufer", country: "DE", zone: 50, parcels_per_day: 900 },
    Courier { code: "ISA", name: "Isarpost", country: "DE", zone: 80, parcels_per_day: 700 },
    Courier { code: "SEI", name: "Coursier Seine", country: "FR", zone: 75, parcels_per_day: 800 },
    Courier { code: "HUD", name: "Hudson Parcel", country: "US", zone: 10, parcels_per_day: 900 },
    Courier { code: "NIP", name: "Nippon Takuhai", country: "JP", zone: 10, parcels_per_day: 900 },
];

/// Countries that are reached over land from each other.
const EUROPE: [&str; 31] = [
    "AT", "BE", "BG", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IT", "LI", "LT", "LU", "LV", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "UA",
];
const AMERICA: [&str; 3] = ["US", "CA", "MX"];
const ASIA: [&str; 8] = ["JP", "KR", "CN", "TW", "SG", "TH", "VN", "IN"];

/// The courier for an address. `load` holds the parcels of today by courier code.
pub fn choose(country: &str, postal_code: &str, load: &BTreeMap<String, u32>) -> Courier {
    let carried = |courier: &Courier| load.get(courier.code).copied().unwrap_or(0);
    let cost = |courier: &Courier| {
        let full = carried(courier) >= courier.parcels_per_day;
        let way = distance(courier, country, postal_code);
        // A courier with room is always preferred; codes settle what is left.
        (full, way + ZONES_PER_PARCEL * carried(courier), courier.code)
    };
    let [first, rest @ ..] = FLEET;
    rest.into_iter()
        .fold(first, |best, courier| if cost(&courier) < cost(&best) { courier } else { best })
}

/// From a courier's depot to an address, in zones.
fn distance(courier: &Courier, country: &str, postal_code: &str) -> u32 {
    if courier.country == country {
        return zone(postal_code)
            .map_or(ZONES_WITHIN_COUNTRY / 2, |zone| zone.abs_diff(courier.zone));
    }
    let regions: [&[&str]; 3] = [&EUROPE, &AMERICA, &ASIA];
    let together =
        regions.iter().any(|region| region.contains(&country) && region.contains(&courier.country));
    if together { ABROAD } else { OVERSEAS }
}

/// The leading two digits of a postal code.
fn zone(postal_code: &str) -> Option<u32> {
    let digits: String = postal_code.chars().filter(char::is_ascii_digit).take(2).collect();
    if digits.len() == 2 { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(country: &str, postal_code: &str) -> &'static str {
        choose(country, postal_code, &BTreeMap::new()).code
    }

    #[test]
    fn the_nearest_courier_is_chosen() {
        assert_eq!(code("AT", "1010"), "DON");
        assert_eq!(code("AT", "6020"), "ALP");
        assert_eq!(code("DE", "80331"), "ISA");
        assert_eq!(code("DE", "D-50667"), "RHE");
        assert_eq!(code("CA", "K1A 0B1"), "HUD");
        assert_eq!(code("KR", "03187"), "NIP");
    }

    #[test]
    fn every_address_gets_somebody() {
        for country in ["NZ", "BR", "ZA", "AQ"] {
            assert!(!code(country, "").is_empty(), "{country}");
        }
    }

    #[test]
    fn a_loaded_courier_gives_way_to_one_farther_off() {
        let load = BTreeMap::from([("DON".to_owned(), 30)]);
        assert_eq!(choose("AT", "1010", &load).code, "ALP");
    }

    #[test]
    fn a_full_courier_is_asked_last() {
        let load = BTreeMap::from([("DON".to_owned(), 400), ("ALP".to_owned(), 250)]);
        assert_eq!(choose("AT", "1010", &load).country, "DE");
        let all = FLEET.map(|courier| (courier.code.to_owned(), courier.parcels_per_day));
        assert!(!choose("AT", "1010", &BTreeMap::from(all)).code.is_empty());
    }
}
