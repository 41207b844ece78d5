//! A basket: what one person means to buy.
//!
//! The whole basket is one value, changed by compare-and-swap, so two open tabs can't
//! lose each other's lines. It holds SKUs and quantities only: names and prices belong
//! to the catalogue and are read anew each time, so a basket never shows an old price.

mod guest;
mod priced;

pub use guest::{GUEST_EMPTY_TTL_MS, GUEST_TTL_MS, Gone, GuestCart};
pub use priced::{Item, View};

use serde::{Deserialize, Serialize};

/// Distinct products in one basket at most; the catalogue is asked about all at once.
pub const LINES_MAX: usize = 100;
/// Pieces of one product at most.
pub const QUANTITY_MAX: u32 = 1_000;
/// Characters of a SKU at most.
pub const SKU_CHARS_MAX: usize = 64;
/// How long a basket remembers which guests' baskets went into it, in milliseconds: a day,
/// where a request that merges lives for seconds.
pub const MERGED_KEPT_MS: u64 = 86_400_000;
/// Guests' baskets that go into one basket within [`MERGED_KEPT_MS`], at most.
pub const MERGED_MAX: usize = 64;

/// So many pieces of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Names the product.
    pub sku: String,
    /// Pieces, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

/// One person's basket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Counts the changes. It never goes back, not even when the basket is emptied:
    /// an old version can't come to match a new basket.
    pub version: u64,
    /// In the order in which they were first put in.
    pub lines: Vec<Line>,
    /// The guests' baskets that went into this one of late: its inbox, changed together with
    /// the lines, so that none is counted twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Merged>,
    /// The user has deleted their account. The cart stays, closed and empty, so that a concurrent
    /// request can't create a new one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    closed: bool,
}

/// A guest's basket that went into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// Names the guest's basket.
    pub guest_cart_id: String,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Products that there was no place for.
    pub left_out: Vec<String>,
}

/// Why a basket stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has changed since the version that the caller knows.
    Changed {
        /// The version that it is at.
        version: u64,
    },
    /// It holds [`LINES_MAX`] products and this is another one.
    Full,
    /// It remembers [`MERGED_MAX`] guests' baskets that went into it of late.
    MergedTooOften,
    /// Its user has deleted their account.
    Closed,
}

impl Cart {
    /// Refuse unless the basket is at one of the versions that the caller expects; at any
    /// if it expects none.
    pub fn at(&self, expected: Option<&[u64]>) -> Result<(), Refused> {
        match expected {
            Some(versions) if !versions.contains(&self.version) => {
                Err(Refused::Changed { version: self.version })
            }
            _ => Ok(()),
        }
    }

    /// Fails if the cart is closed.
    pub fn open(&self) -> Result<(), Refused> {
        if self.closed { Err(Refused::Closed) } else { Ok(()) }
    }

    /// Make it `quantity` pieces of this product, whatever it was before.
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

    /// Take a product out. Taking out what is not in changes nothing.
    pub fn remove(&mut self, sku: &str) {
        let before = self.lines.len();
        self.lines.retain(|line| line.sku != sku);
        self.version += u64::from(self.lines.len() != before);
    }

    /// Take everything out. An empty basket stays as it is.
    pub fn clear(&mut self) {
        self.version += u64::from(!self.lines.is_empty());
        self.lines.clear();
    }

    /// Empties the cart and closes it permanently.
    pub fn close(&mut self) {
        self.clear();
        self.merged.clear();
        self.closed = true;
    }

    /// Make it hold these lines and no others. The same lines are no change.
    pub fn replace(&mut self, lines: Vec<Line>) {
        self.version += u64::from(self.lines != lines);
        self.lines = lines;
    }

    /// What was left out when this guest's basket went into this one; none if it has not, or
    /// so long ago that nobody asks.
    pub fn merged(&self, guest_cart_id: &str) -> Option<&[String]> {
        let found = self.merged.iter().find(|it| it.guest_cart_id == guest_cart_id);
        found.map(|it| it.left_out.as_slice())
    }

    /// The guests' baskets that it may forget, once they are closed: they went in
    /// [`MERGED_KEPT_MS`] ago or earlier.
    pub fn outdated(&self, now_ms: u64) -> Vec<String> {
        let age_ms = |it: &Merged| now_ms.saturating_sub(it.at_ms);
        let outdated = self.merged.iter().filter(|it| age_ms(it) >= MERGED_KEPT_MS);
        outdated.map(|it| it.guest_cart_id.clone()).collect()
    }

    /// Take in a guest's basket, once: pieces are added up, to [`QUANTITY_MAX`] of a product;
    /// products for which there is no place are left out, and named in the answer. On this occasion the
    /// baskets that are `settled` are forgotten: the [`Cart::outdated`] ones, after they were
    /// closed, since one that is still claimed could go in again.
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

    /// Empty the basket that was ordered at `version`. An empty one is fine: the first
    /// try may have got through without its answer.
    pub fn clear_at(&mut self, version: u64) -> Result<(), Refused> {
        if !self.lines.is_empty() {
            self.at(Some(&[version]))?;
        }
        self.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
