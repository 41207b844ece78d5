//! The ordered items, their total, and the address.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

/// The maximum number of distinct products in one order.
pub const LINES_MAX: usize = 100;
/// The maximum quantity of one product in one order.
pub const QUANTITY_MAX: u32 = 1_000;
/// The maximum number of characters of one field of an address.
pub const ADDRESS_CHARS_MAX: usize = 200;

/// One product of an order; name and price are frozen at the time of ordering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Item {
    /// The stock-keeping unit.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    pub sku: String,
    /// As it was when ordered.
    pub name: String,
    /// Pieces.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub quantity: u32,
    /// Of one piece.
    pub price: Money,
}

/// Where an order is shipped to. No field is blank or contains control, bidirectional or zero-width
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Address {
    /// The addressee.
    #[cfg_attr(test, schemars(length(min = 1, max = ADDRESS_CHARS_MAX)))]
    pub name: String,
    /// Street and number.
    #[cfg_attr(test, schemars(length(min = 1, max = ADDRESS_CHARS_MAX)))]
    pub street: String,
    /// Town.
    #[cfg_attr(test, schemars(length(min = 1, max = ADDRESS_CHARS_MAX)))]
    pub city: String,
    /// In the format of the country; may contain letters.
    #[cfg_attr(test, schemars(length(min = 1, max = ADDRESS_CHARS_MAX)))]
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Z]{2}$")))]
    pub country: String,
}

/// What the customer ordered. It never changes, except that the customer may be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// `ord_…`.
    pub id: String,
    /// The customer, `usr_…`.
    pub user_id: String,
    /// 1 to [`LINES_MAX`], each SKU once.
    pub items: Vec<Item>,
    /// The sum of price × quantity.
    pub total: Money,
    /// Where it is shipped to; `None` after the customer was erased.
    pub shipping_address: Option<Address>,
    /// A token of the payment provider, never a card number; empty after the customer was erased.
    pub payment_method: String,
    /// The version of the ordered cart; `None` if the items were given.
    pub cart_version: Option<u64>,
}

impl Placed {
    /// Whether the address and the payment token were erased.
    pub fn is_erased(&self) -> bool {
        self.shipping_address.is_none() && self.payment_method.is_empty()
    }

    /// A message about a shortage, with the names of the products and the pieces that are left.
    pub fn shortage(&self, short: impl IntoIterator<Item = (String, u32)>) -> String {
        let name = |sku: String| {
            let item = self.items.iter().find(|item| item.sku == sku);
            item.map_or(sku, |item| item.name.clone())
        };
        let left = |(sku, left): (String, u32)| match left {
            0 => format!("{} (sold out)", name(sku)),
            left => format!("{} ({left} left)", name(sku)),
        };
        let short: Vec<String> = short.into_iter().map(left).collect();
        format!("Not enough in stock: {}.", short.join("; "))
    }
}

/// The total of the items; `None` if they have different currencies or it overflows.
pub fn total(items: &[Item]) -> Option<Money> {
    let (first, rest) = items.split_first()?;
    let first = first.price.times(first.quantity).ok()?;
    let sum = rest.iter().try_fold(first, |sum, item| {
        let line = item.price.times(item.quantity)?;
        sum.plus(&line)
    });
    sum.ok()
}

/// Merges lines with the same SKU, in the order of their first occurrence. The error is the index
/// of the line with which the quantity of its SKU exceeds [`QUANTITY_MAX`].
pub fn merge(lines: &[(String, u32)]) -> Result<Vec<(String, u32)>, usize> {
    let mut merged: Vec<(String, u32)> = Vec::with_capacity(lines.len());
    for (index, (sku, quantity)) in lines.iter().enumerate() {
        match merged.iter_mut().find(|(known, _)| known == sku) {
            Some((_, sum)) => *sum = sum.saturating_add(*quantity),
            None => merged.push((sku.clone(), *quantity)),
        }
        if merged.iter().any(|(_, sum)| *sum > QUANTITY_MAX) {
            return Err(index);
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_names_the_products() {
        let item = |sku: &str, name: &str| Item {
            sku: sku.to_owned(),
            name: name.to_owned(),
            quantity: 3,
            price: Money::new(100, "EUR"),
        };
        let address = Address {
            name: "Ada".to_owned(),
            street: "1".to_owned(),
            city: "London".to_owned(),
            postal_code: "1".to_owned(),
            country: "GB".to_owned(),
        };
        let placed = Placed {
            id: "ord_1".to_owned(),
            user_id: "usr_1".to_owned(),
            items: vec![item("KIT-0006", "Copper Saucepan, 1.2 l"), item("KIT-1", "Pan")],
            total: Money::new(600, "EUR"),
            shipping_address: Some(address),
            payment_method: "tok_approved".to_owned(),
            cart_version: None,
        };
        let short = [("KIT-0006".to_owned(), 2), ("KIT-1".to_owned(), 0)];
        let words = "Not enough in stock: Copper Saucepan, 1.2 l (2 left); Pan (sold out).";
        assert_eq!(placed.shortage(short), words);
    }
}
