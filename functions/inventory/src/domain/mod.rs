//! The rules of inventory: no I/O, no clock; time comes in as milliseconds since the epoch.

mod books;
mod lane;
mod record;
mod stock;

pub use books::{Books, Claim, Standing};
pub use lane::{Exchange, LANES_MAX, Lane};
pub use record::{Begin, RETURNS_MAX, Record, Reservation, Return, State, Verdict};
pub use stock::{HOLDS_MAX, Hold, HoldRefused, Holds, Levels, RETURNS_NOTED_MAX, Stock};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lines of one reservation at most, and SKUs of one question.
pub const LINES_MAX: usize = 100;
/// Pieces of one line at most.
pub const QUANTITY_MAX: u32 = 1_000;
/// How long a reservation may be held, in milliseconds: one hour.
pub const TTL_MS_MAX: u64 = 60 * 60 * 1_000;
/// Characters of an id or a SKU at most.
pub const NAME_CHARS_MAX: usize = 128;

/// So many pieces of one product.
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

/// Why inventory did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// These SKUs fall short; nothing was reserved.
    OutOfStock(Vec<Availability>),
    /// No reservation has this id.
    NotFound(String),
    /// The reservation ran out or was released.
    Expired(String),
    /// The reservation was sold.
    Committed(String),
    /// The id came before with other lines.
    Conflict(String),
    /// The request makes no sense.
    Invalid(String),
    /// Not now.
    Unavailable(String),
}

/// The lines in one spelling: sorted by SKU, each SKU once. Two requests for the same pieces
/// are equal in it.
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

/// Names become parts of store keys: printable ASCII without spaces and slashes.
pub fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    if (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!("a {what} has 1 to {NAME_CHARS_MAX} plain characters")))
}

/// Between a moment and an hour.
pub fn check_ttl(ttl_ms: u64) -> Result<(), Refusal> {
    if (1..=TTL_MS_MAX).contains(&ttl_ms) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!("ttl-ms: 1 to {TTL_MS_MAX}")))
}

#[cfg(test)]
mod tests;
