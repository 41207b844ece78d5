//! Locations and their distances.
//!
//! Addresses have postal codes, and exact positions would not lead to other decisions than zones.
//! So distances are counted in zones: the leading two digits of a postal code.

use serde::{Deserialize, Serialize};

/// The maximum distance within a country, in zones.
const ZONES_WITHIN_COUNTRY: u32 = 99;
/// The distance to a country of the same region, in zones.
const ABROAD: u32 = 300;
/// The distance to the rest of the world, in zones.
const OVERSEAS: u32 = 1_000;

/// Countries that can be reached over land from each other.
const EUROPE: [&str; 31] = [
    "AT", "BE", "BG", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IT", "LI", "LT", "LU", "LV", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "UA",
];
const AMERICA: [&str; 3] = ["US", "CA", "MX"];
const ASIA: [&str; 8] = ["JP", "KR", "CN", "TW", "SG", "TH", "VN", "IN"];

/// The destination of a consignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub street: String,
    pub city: String,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl Address {
    /// Its location.
    pub fn location(&self) -> Location<'_> {
        Location { country: &self.country, zone: zone(&self.postal_code) }
    }
}

/// A country and a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// The leading two digits of the postal code, if it has them.
    pub zone: Option<u32>,
}

impl Location<'_> {
    /// The distance in zones. The same in both directions.
    pub fn distance(self, other: Location<'_>) -> u32 {
        if self.country == other.country {
            return match (self.zone, other.zone) {
                (Some(here), Some(there)) => here.abs_diff(there),
                _ => ZONES_WITHIN_COUNTRY / 2,
            };
        }
        let regions: [&[&str]; 3] = [&EUROPE, &AMERICA, &ASIA];
        let contains_both =
            |region: &&[&str]| region.contains(&self.country) && region.contains(&other.country);
        if regions.iter().any(contains_both) { ABROAD } else { OVERSEAS }
    }
}

fn zone(postal_code: &str) -> Option<u32> {
    let digits: String = postal_code.chars().filter(char::is_ascii_digit).take(2).collect();
    if digits.len() == 2 { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_the_first_two_digits() {
        for (code, expected) in
            [("1010", Some(10)), ("D-50667", Some(50)), ("K1A 0B1", Some(10)), ("", None)]
        {
            assert_eq!(zone(code), expected, "{code}");
        }
    }

    #[test]
    fn distances_grow_from_country_to_region_to_world() {
        let at = |country, zone| Location { country, zone };
        let vienna = at("AT", Some(10));
        let distances =
            [at("AT", Some(10)), at("AT", Some(60)), at("DE", Some(10)), at("NZ", Some(10))]
                .map(|location| vienna.distance(location));
        assert_eq!(distances, [0, 50, ABROAD, OVERSEAS]);
        assert_eq!(at("NZ", Some(1)).distance(vienna), OVERSEAS, "the same in both directions");
        assert!(vienna.distance(at("AT", None)) < ABROAD);
    }
}
