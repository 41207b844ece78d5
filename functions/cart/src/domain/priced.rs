//! A cart with names and prices.

use std::collections::HashMap;

use chassis::money::{Money, MoneyError};
use serde::Serialize;

use super::Cart;

/// The currency of an empty cart's total.
const CURRENCY: &str = "EUR";

/// A product of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Identifies it.
    pub sku: String,
    /// The display name.
    pub name: String,
    /// The current price of one piece.
    pub price: Money,
}

/// A cart with current prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Cart"))]
pub struct PricedCart {
    /// One entry for each product, in the order in which they were put in.
    pub items: Vec<PricedItem>,
    /// The sum of the items that can be bought.
    pub total: Money,
    /// Counts the changes; also the entity tag.
    pub version: u64,
}

/// One product of a cart. A product that was removed from the catalog stays, so that it can be
/// taken out, and is not part of the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CartItem"))]
pub struct PricedItem {
    /// Names the product.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    pub sku: String,
    /// Null, like price and total, when the product is gone.
    pub name: Option<String>,
    /// Pieces.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub quantity: u32,
    /// For one piece.
    pub price: Option<Money>,
    /// For all pieces.
    pub total: Option<Money>,
}

impl PricedCart {
    /// The cart with the prices of `products`.
    ///
    /// # Errors
    /// The prices have different currencies, or their sum is too high.
    pub fn new(cart: &Cart, products: Vec<Product>) -> Result<PricedCart, MoneyError> {
        let mut by_sku: HashMap<String, Product> =
            products.into_iter().map(|product| (product.sku.clone(), product)).collect();
        let mut items = Vec::with_capacity(cart.lines.len());
        let mut sum: Option<Money> = None;
        for line in &cart.lines {
            let product = by_sku.remove(&line.sku);
            let total =
                product.as_ref().map(|product| product.price.times(line.quantity)).transpose()?;
            if let Some(total) = &total {
                sum = Some(match sum {
                    Some(sum) => sum.plus(total)?,
                    None => total.clone(),
                });
            }
            let (name, price) = product.map(|product| (product.name, product.price)).unzip();
            let (sku, quantity) = (line.sku.clone(), line.quantity);
            items.push(PricedItem { sku, name, quantity, price, total });
        }
        let total = sum.unwrap_or_else(|| Money::new(0, CURRENCY));
        Ok(PricedCart { items, total, version: cart.version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::cart;

    fn product(sku: &str, amount: i64, currency: &str) -> Product {
        let name = format!("The {sku}");
        Product { sku: sku.to_owned(), name, price: Money::new(amount, currency) }
    }

    #[test]
    fn a_removed_product_is_shown_but_not_part_of_the_total() {
        let view =
            PricedCart::new(&cart(&[("A", 1), ("GONE", 2)]), vec![product("A", 7, "EUR")]).unwrap();
        assert_eq!(view.items[1].sku, "GONE");
        assert_eq!((view.items[1].name.as_ref(), view.items[1].total.as_ref()), (None, None));
        assert_eq!(view.total.amount, 7);
    }

    #[test]
    fn mixed_currencies_and_overflowing_sums_are_errors() {
        let two = cart(&[("A", 1), ("B", 1)]);
        let mixed = vec![product("A", 1, "EUR"), product("B", 1, "USD")];
        assert!(PricedCart::new(&two, mixed).is_err());
        let huge = vec![product("A", i64::MAX, "EUR"), product("B", 1, "EUR")];
        assert_eq!(PricedCart::new(&two, huge), Err(MoneyError::Overflow));
    }
}
