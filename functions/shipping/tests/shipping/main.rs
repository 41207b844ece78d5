//! Shipping over a store: single requests, and many commands in any order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod parcels;

use shipping::domain::Address;

const START_MS: u64 = 1_800_000_000_000;

/// Addresses in several countries.
fn address(number: usize) -> Address {
    let (postal_code, country) =
        [("1010", "AT"), ("80331", "DE"), ("75001", "FR"), ("", "NZ")][number];
    Address {
        name: "Ada".to_owned(),
        street: "Hauptstr. 1".to_owned(),
        city: "Wien".to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
    }
}
