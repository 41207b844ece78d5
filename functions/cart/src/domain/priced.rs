//! A basket with names and prices, as its owner sees it.

use std::collections::HashMap;

use chassis::money::{Money, MoneyError};
use serde::Serialize;

use super::Cart;
use crate::ports::Product;

/// The currency of an empty basket's total.
const CURRENCY: &str = "EUR";

/// A cart in the prices of this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Cart"))]
pub struct View {
    /// One entry for each product, in the order in which they were put in.
    pub items: Vec<Item>,
    /// The sum of the items that can be bought.
    pub total: Money,
    /// Counts the changes; also the entity tag.
    pub version: u64,
}

/// One product of a cart. A product that was removed from the catalog stays, so that it can be
/// taken out, and is not part of the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CartItem"))]
pub struct Item {
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

impl View {
    /// The basket in the prices of `products`.
    ///
    /// # Errors
    /// The prices have no sum: they are in several currencies, or absurdly high.
    pub fn new(cart: &Cart, products: Vec<Product>) -> Result<View, MoneyError> {
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
            items.push(Item { sku: line.sku.clone(), name, quantity: line.quantity, price, total });
        }
        let total = sum.unwrap_or_else(|| Money::new(0, CURRENCY));
        Ok(View { items, total, version: cart.version })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn cart(lines: &[(&str, u32)]) -> Cart {
        let mut cart = Cart::default();
        for (sku, quantity) in lines {
            cart.put(sku, *quantity).unwrap();
        }
        cart
    }

    fn product(sku: &str, amount: i64, currency: &str) -> Product {
        let name = format!("The {sku}");
        Product { sku: sku.to_owned(), name, price: Money::new(amount, currency) }
    }

    #[test]
    fn totals_are_pieces_times_prices() {
        let products = vec![product("B", 5, "EUR"), product("A", 1_999, "EUR")];
        let view = View::new(&cart(&[("A", 3), ("B", 1_000)]), products).unwrap();
        let totals: Vec<_> =
            view.items.iter().map(|item| item.total.as_ref().unwrap().amount).collect();
        assert_eq!(totals, [5_997, 5_000]);
        assert_eq!(view.total, Money::new(10_997, "EUR"));
        assert_eq!(view.version, 2);
    }

    #[test]
    fn an_empty_basket_costs_nothing() {
        assert_eq!(View::new(&cart(&[]), vec![]).unwrap().total, Money::new(0, "EUR"));
    }

    #[test]
    fn a_product_that_is_gone_is_shown_and_not_summed() {
        let view =
            View::new(&cart(&[("A", 1), ("GONE", 2)]), vec![product("A", 7, "EUR")]).unwrap();
        assert_eq!(view.items[1].sku, "GONE");
        assert_eq!((view.items[1].name.as_ref(), view.items[1].total.as_ref()), (None, None));
        assert_eq!(view.total.amount, 7);
    }

    #[test]
    fn currencies_are_not_added_and_sums_do_not_wrap() {
        let two = cart(&[("A", 1), ("B", 1)]);
        let mixed = vec![product("A", 1, "EUR"), product("B", 1, "USD")];
        assert!(View::new(&two, mixed).is_err());
        let huge = vec![product("A", i64::MAX, "EUR"), product("B", 1, "EUR")];
        assert_eq!(View::new(&two, huge), Err(MoneyError::Overflow));
    }
}
