//! The rules of inventory: no I/O, no clock; time comes in as milliseconds since the epoch.

mod books;
mod holds;
mod lane;
mod record;
mod stock;

pub use books::{Books, Claim, ReservationStatus};
pub use holds::{HOLDS_MAX, Hold, HoldRefused, Holds};
pub use lane::{Exchange, LANES_MAX, Lane};
pub use record::{Begin, RETURNS_MAX, Record, Reservation, Return, State, Verdict};
pub use stock::{Levels, RETURNS_NOTED_MAX, Stock};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maximum number of lines of a reservation, and of SKUs or reservations of a query.
pub const LINES_MAX: usize = 100;
/// The maximum number of pieces of a line.
pub const QUANTITY_MAX: u32 = 1_000;
/// The maximum time that a reservation may be held, in milliseconds: one hour.
pub const TTL_MS_MAX: u64 = 60 * 60 * 1_000;
/// The maximum length of an id or a SKU, in characters.
pub const NAME_CHARS_MAX: usize = 128;

/// A quantity of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub sku: String,
    /// Pieces, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

/// What can be reserved of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The product.
    pub sku: String,
    /// Pieces on hand and not reserved.
    pub available: u32,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// These SKUs are short; nothing was reserved.
    OutOfStock(Vec<Availability>),
    /// No reservation has this id.
    NotFound(String),
    /// The reservation has expired or was released.
    Expired(String),
    /// The reservation was sold.
    Committed(String),
    /// The id was used before with other lines.
    Conflict(String),
    /// The request is invalid.
    Invalid(String),
    /// The store does not respond, or there are too many concurrent requests. Safe to repeat.
    Unavailable(String),
}

/// The lines in canonical form: sorted by SKU, each SKU once. Requests for the same pieces have
/// equal lines.
///
/// # Errors
/// A quantity, a SKU or the number of lines is out of range.
pub fn normalize(lines: &[Line]) -> Result<Vec<Line>, Refusal> {
    let mut by_sku: BTreeMap<&str, u32> = BTreeMap::new();
    for line in lines {
        check_name("SKU", &line.sku)?;
        let quantity = by_sku.entry(&line.sku).or_default();
        *quantity = quantity.saturating_add(line.quantity);
        if line.quantity == 0 || *quantity > QUANTITY_MAX {
            let sku = &line.sku;
            return Err(Refusal::Invalid(format!("{sku}: 1 to {QUANTITY_MAX} pieces")));
        }
    }
    if by_sku.is_empty() || by_sku.len() > LINES_MAX {
        return Err(Refusal::Invalid(format!("1 to {LINES_MAX} lines")));
    }
    let line = |(sku, quantity): (&str, u32)| Line { sku: sku.to_owned(), quantity };
    Ok(by_sku.into_iter().map(line).collect())
}

/// Checks a name that becomes a part of a store key: printable ASCII without spaces and slashes.
///
/// # Errors
/// It is empty, too long, or has other characters.
pub fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    if (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "a {what} has 1 to {NAME_CHARS_MAX} printable ASCII characters, without `/`"
    )))
}

/// Checks how long a reservation is held, in milliseconds.
///
/// # Errors
/// It is 0 or more than [`TTL_MS_MAX`].
pub fn check_ttl(ttl_ms: u64) -> Result<(), Refusal> {
    if (1..=TTL_MS_MAX).contains(&ttl_ms) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!("ttl-ms: 1 to {TTL_MS_MAX}")))
}

#[cfg(test)]
mod tests;
