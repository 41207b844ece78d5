//! A basket: what one person means to buy.
//!
//! The whole basket is one value, changed by compare-and-swap, so two open tabs can't
//! lose each other's lines. It holds SKUs and quantities only: names and prices belong
//! to the catalogue and are read anew each time, so a basket never shows an old price.

use serde::{Deserialize, Serialize};

/// Distinct products in one basket at most; the catalogue is asked about all at once.
pub const LINES_MAX: usize = 100;
/// Pieces of one product at most.
pub const QUANTITY_MAX: u32 = 1_000;
/// Characters of a SKU at most.
pub const SKU_CHARS_MAX: usize = 64;

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
}

/// Why a basket stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has changed since the version that the caller knows.
    Changed,
    /// It holds [`LINES_MAX`] products and this is another one.
    Full,
}

impl Cart {
    /// Refuse unless the basket is at one of the versions that the caller expects; at any
    /// if it expects none.
    pub fn at(&self, expected: Option<&[u64]>) -> Result<(), Refused> {
        match expected {
            Some(versions) if !versions.contains(&self.version) => Err(Refused::Changed),
            _ => Ok(()),
        }
    }

    /// Make it `quantity` pieces of this product, whatever it was before.
    pub fn put(&mut self, sku: &str, quantity: u32) -> Result<(), Refused> {
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn cart(lines: &[(&str, u32)]) -> Cart {
        let mut cart = Cart::default();
        for (sku, quantity) in lines {
            cart.put(sku, *quantity).unwrap();
        }
        cart
    }

    #[test]
    fn putting_replaces_the_quantity_and_keeps_the_order() {
        let mut cart = cart(&[("A", 1), ("B", 2)]);
        cart.put("A", 7).unwrap();
        let lines: Vec<_> = cart.lines.iter().map(|l| (l.sku.as_str(), l.quantity)).collect();
        assert_eq!(lines, [("A", 7), ("B", 2)]);
        assert_eq!(cart.version, 3);
    }

    #[test]
    fn a_repeated_change_is_not_another_version() {
        let mut cart = cart(&[("A", 1)]);
        let version = cart.version;
        cart.put("A", 1).unwrap();
        cart.remove("B");
        assert_eq!(cart.version, version);
    }

    #[test]
    fn the_hundred_and_first_product_is_refused_and_the_others_still_change() {
        let mut cart = Cart::default();
        for number in 0..LINES_MAX {
            cart.put(&format!("A-{number}"), 1).unwrap();
        }
        let before = cart.clone();
        assert_eq!(cart.put("B", 1), Err(Refused::Full));
        assert_eq!(cart, before);
        assert_eq!(cart.put("A-1", 5), Ok(()));
    }

    #[test]
    fn emptying_moves_the_version_on() {
        let mut cart = cart(&[("A", 1)]);
        cart.clear();
        assert_eq!((cart.version, cart.lines.len()), (2, 0));
        cart.clear();
        assert_eq!(cart.version, 2);
    }

    #[test]
    fn an_ordered_basket_is_emptied_once_and_only_at_its_version() {
        let mut cart = cart(&[("A", 1)]);
        assert_eq!(cart.clear_at(0), Err(Refused::Changed));
        assert_eq!(cart.clear_at(1), Ok(()));
        assert_eq!(cart.clear_at(1), Ok(()), "the answer of the first was lost");
        cart.put("B", 1).unwrap();
        assert_eq!(cart.clear_at(1), Err(Refused::Changed), "a new basket is not the ordered one");
        assert_eq!(cart.lines.len(), 1);
    }

    #[test]
    fn a_version_is_compared_only_when_given() {
        let cart = cart(&[("A", 1)]);
        assert_eq!(cart.at(None), Ok(()));
        assert_eq!(cart.at(Some(&[7, 1])), Ok(()));
        assert_eq!(cart.at(Some(&[2])), Err(Refused::Changed));
        assert_eq!(cart.at(Some(&[])), Err(Refused::Changed));
    }

    /// One change of a basket: a put of so many pieces, or with 0 a removal.
    fn changes() -> impl Strategy<Value = Vec<(u8, u32)>> {
        proptest::collection::vec((any::<u8>(), 0..4_u32), 0..300)
    }

    proptest! {
        #[test]
        fn any_changes_keep_a_basket_sound(changes in changes()) {
            let mut cart = Cart::default();
            for (product, quantity) in changes {
                let (sku, before) = (format!("A-{product}"), cart.clone());
                let outcome = match quantity {
                    0 => { cart.remove(&sku); Ok(()) }
                    _ => cart.put(&sku, quantity),
                };
                let now = cart.lines.iter().find(|line| line.sku == sku).map(|line| line.quantity);
                match outcome {
                    Ok(()) => prop_assert_eq!(now.unwrap_or(0), quantity),
                    Err(_) => prop_assert!(before.lines.len() == LINES_MAX && cart == before),
                }
                let distinct: BTreeSet<_> = cart.lines.iter().map(|line| &line.sku).collect();
                prop_assert_eq!(distinct.len(), cart.lines.len());
                prop_assert!(cart.lines.len() <= LINES_MAX);
                let changed = u64::from(cart.lines != before.lines);
                prop_assert_eq!(cart.version, before.version + changed);
            }
        }
    }
}
