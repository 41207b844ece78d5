//! A cart: the products that one person intends to order.
//!
//! A cart is one value, changed by compare-and-swap, so that concurrent changes do not overwrite
//! each other. It has SKUs and quantities only: names and prices belong to the catalog and are read
//! each time, so that a cart never shows an old price.

mod guest;
mod priced;

pub use guest::{GUEST_EMPTY_TTL_MS, GUEST_TTL_MS, GuestCart};
pub use priced::{PricedCart, PricedItem, Product};

use chassis::http::{IfMatch, version_tag};
use serde::{Deserialize, Serialize};

/// The maximum number of products in one cart; the catalog returns all of them in one call.
pub const LINES_MAX: usize = 100;
/// The maximum quantity of one product.
pub const QUANTITY_MAX: u32 = 1_000;
/// Longest SKU, in characters.
pub const SKU_CHARS_MAX: usize = 64;
/// How long a cart remembers which guest carts were merged into it, in milliseconds: a day, much
/// longer than a request and its retries take.
pub const MERGED_KEPT_MS: u64 = 86_400_000;
/// The maximum number of guest carts that are merged into one cart within [`MERGED_KEPT_MS`].
pub const MERGED_MAX: usize = 64;

/// A quantity of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Identifies the product.
    pub sku: String,
    /// 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

/// The cart of a user or a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Counts the changes. It never decreases, not even when the cart is emptied: an old version
    /// must not match a new cart.
    pub version: u64,
    /// In the order in which the products were added.
    pub lines: Vec<Line>,
    /// The guest carts that were merged into this one recently. They are changed together with the
    /// lines, so that none is merged twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Merged>,
    /// The user has deleted their account. The cart stays, closed and empty, so that a concurrent
    /// request can't create a new one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    closed: bool,
}

/// A guest cart that was merged into another cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The id of the guest cart.
    pub guest_cart_id: String,
    /// The time in milliseconds since the epoch.
    pub at_ms: u64,
    /// The products that did not fit.
    pub left_out: Vec<String>,
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The cart has another version than the caller expects.
    Changed {
        /// The current version.
        version: u64,
    },
    /// The cart has [`LINES_MAX`] products, and this is another one.
    Full,
    /// [`MERGED_MAX`] guest carts were merged into it recently.
    MergedTooOften,
    /// Its user has deleted their account.
    Closed,
    /// There is no such guest cart: it never existed, has expired, was deleted, or was claimed by a
    /// user.
    Gone,
}

impl Cart {
    /// Fails unless the cart has a version that the caller expects.
    pub fn check(&self, expected: &IfMatch) -> Result<(), Refused> {
        let is_expected = expected.matches(&version_tag(self.version));
        if is_expected { Ok(()) } else { Err(Refused::Changed { version: self.version }) }
    }

    /// Fails if the cart is closed.
    pub fn open(&self) -> Result<(), Refused> {
        if self.closed { Err(Refused::Closed) } else { Ok(()) }
    }

    /// The SKUs of its products.
    pub fn skus(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.sku.clone()).collect()
    }

    /// Adds a product, or sets its quantity.
    pub fn put(&mut self, sku: &str, quantity: u32) -> Result<(), Refused> {
        self.open()?;
        let full = self.lines.len() >= LINES_MAX;
        match self.lines.iter_mut().find(|line| line.sku == sku) {
            Some(line) if line.quantity == quantity => return Ok(()),
            Some(line) => line.quantity = quantity,
            None if full => return Err(Refused::Full),
            None => self.lines.push(Line { sku: sku.to_owned(), quantity }),
        }
        self.version += 1;
        Ok(())
    }

    /// Removes a product, if the cart has it.
    pub fn remove(&mut self, sku: &str) {
        let before = self.lines.len();
        self.lines.retain(|line| line.sku != sku);
        self.version += u64::from(self.lines.len() != before);
    }

    /// Removes all products.
    pub fn clear(&mut self) {
        self.replace(Vec::new());
    }

    /// Replaces all products. The same lines are no change.
    pub fn replace(&mut self, lines: Vec<Line>) {
        self.version += u64::from(self.lines != lines);
        self.lines = lines;
    }

    /// Empties the cart and closes it permanently.
    pub fn close(&mut self) {
        self.clear();
        self.merged.clear();
        self.closed = true;
    }

    /// The products that did not fit when this guest cart was merged; `None` if it was not merged,
    /// or too long ago to be remembered.
    pub fn merged(&self, guest_cart_id: &str) -> Option<&[String]> {
        let found = self.merged.iter().find(|it| it.guest_cart_id == guest_cart_id);
        found.map(|it| it.left_out.as_slice())
    }

    /// The guest carts that can be forgotten once they are closed: they were merged at least
    /// [`MERGED_KEPT_MS`] ago.
    pub fn outdated(&self, now_ms: u64) -> Vec<String> {
        let age_ms = |it: &Merged| now_ms.saturating_sub(it.at_ms);
        let outdated = self.merged.iter().filter(|it| age_ms(it) >= MERGED_KEPT_MS);
        outdated.map(|it| it.guest_cart_id.clone()).collect()
    }

    /// Merges a guest cart, once: quantities are added, up to [`QUANTITY_MAX`] of a product.
    /// Returns the products that did not fit. Forgets the guest carts in `settled`: those that were
    /// [`Cart::outdated`] and are closed now. One that is still claimed could be merged again.
    pub fn merge(
        &mut self,
        guest_cart_id: &str,
        lines: &[Line],
        now_ms: u64,
        settled: &[String],
    ) -> Result<Vec<String>, Refused> {
        self.open()?;
        if let Some(left_out) = self.merged(guest_cart_id) {
            return Ok(left_out.to_vec());
        }
        self.merged.retain(|it| !settled.contains(&it.guest_cart_id));
        if self.merged.len() >= MERGED_MAX {
            return Err(Refused::MergedTooOften);
        }
        let mut left_out = Vec::new();
        for Line { sku, quantity } in lines {
            let known = self.lines.iter().find(|line| line.sku == *sku);
            let sum = known.map_or(0, |line| line.quantity).saturating_add(*quantity);
            if self.put(sku, sum.min(QUANTITY_MAX)).is_err() {
                left_out.push(sku.clone());
            }
        }
        self.merged.push(Merged {
            guest_cart_id: guest_cart_id.to_owned(),
            at_ms: now_ms,
            left_out: left_out.clone(),
        });
        Ok(left_out)
    }

    /// Empties the cart that was ordered at `version`. An empty cart is fine: the first attempt may
    /// have succeeded without its response arriving.
    pub fn clear_at(&mut self, version: u64) -> Result<(), Refused> {
        if !self.lines.is_empty() && self.version != version {
            return Err(Refused::Changed { version: self.version });
        }
        self.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
