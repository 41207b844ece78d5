//! Places and how far they are from each other.
//!
//! Postal codes are what an address has, and exact positions would not decide otherwise than
//! zones do; so distance is counted in zones: the leading two digits of a postal code.

use serde::{Deserialize, Serialize};

/// The zones between two halves of one country, at most.
const ZONES_WITHIN_COUNTRY: u32 = 99;
/// The distance to a country of the same region.
const ABROAD: u32 = 300;
/// The distance to the rest of the world.
const OVERSEAS: u32 = 1_000;

/// Countries that are reached over land from each other.
const EUROPE: [&str; 31] = [
    "AT", "BE", "BG", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IT", "LI", "LT", "LU", "LV", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "UA",
];
const AMERICA: [&str; 3] = ["US", "CA", "MX"];
const ASIA: [&str; 8] = ["JP", "KR", "CN", "TW", "SG", "TH", "VN", "IN"];

/// Where a consignment goes.
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
    /// Where that is.
    pub fn place(&self) -> Place<'_> {
        Place { country: &self.country, zone: zone(&self.postal_code) }
    }
}

/// A country and a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// The leading two digits of the postal code, if it has them.
    pub zone: Option<u32>,
}

impl Place<'_> {
    /// How far it is from here to there, in zones. The same both ways.
    pub fn distance(self, other: Place<'_>) -> u32 {
        if self.country == other.country {
            return match (self.zone, other.zone) {
                (Some(here), Some(there)) => here.abs_diff(there),
                _ => ZONES_WITHIN_COUNTRY / 2,
            };
        }
        let regions: [&[&str]; 3] = [&EUROPE, &AMERICA, &ASIA];
        let together =
            |region: &&[&str]| region.contains(&self.country) && region.contains(&other.country);
        if regions.iter().any(together) { ABROAD } else { OVERSEAS }
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
    fn zones_are_leading_digits_wherever_they_begin() {
        for (code, expected) in
            [("1010", Some(10)), ("D-50667", Some(50)), ("K1A 0B1", Some(10)), ("", None)]
        {
            assert_eq!(zone(code), expected, "{code}");
        }
    }

    #[test]
    fn near_is_nearer_than_abroad_and_abroad_than_overseas() {
        let at = |country, zone| Place { country, zone };
        let vienna = at("AT", Some(10));
        let ways = [at("AT", Some(10)), at("AT", Some(60)), at("DE", Some(10)), at("NZ", Some(10))]
            .map(|place| vienna.distance(place));
        assert_eq!(ways, [0, 50, ABROAD, OVERSEAS]);
        assert_eq!(at("NZ", Some(1)).distance(vienna), OVERSEAS, "the same both ways");
        assert!(vienna.distance(at("AT", None)) < ABROAD);
    }
}
