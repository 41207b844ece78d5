//! Bounded lists of products.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The maximum number of popular products.
pub const POPULAR_MAX: usize = 200;
/// The maximum number of newest products.
pub const NEWEST_MAX: usize = 100;
/// The maximum number of stored products of one customer. The oldest ones are dropped.
pub const PURCHASES_MAX: usize = 500;

/// The number of orders of each product. The numbers are copies that only grow, so that duplicate
/// and late updates change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Popular {
    orders: BTreeMap<String, u64>,
}

impl Popular {
    /// Sets the number of orders of a product. If the list is too long, the product with the fewest
    /// is removed.
    pub fn note(&mut self, sku: &str, orders: u64) {
        let known = self.orders.entry(sku.to_owned()).or_default();
        *known = orders.max(*known);
        if self.orders.len() > POPULAR_MAX
            && let Some(last) = self.ranked().last().map(|(sku, _)| (*sku).to_owned())
        {
            self.orders.remove(&last);
        }
    }

    /// The products and their numbers of orders, highest first, then by SKU.
    pub fn ranked(&self) -> Vec<(&str, u64)> {
        ranked(self.orders.iter().map(|(sku, orders)| (sku.as_str(), *orders)))
    }
}

/// The newest products, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Newest {
    products: Vec<(u64, String)>,
}

impl Newest {
    /// Adds a product that exists since this time.
    pub fn note(&mut self, sku: &str, since_ms: u64) {
        self.products.retain(|(_, known)| known != sku);
        self.products.push((since_ms, sku.to_owned()));
        keep_newest(&mut self.products, NEWEST_MAX);
    }

    /// The SKUs, newest first.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.products.iter().map(|(_, sku)| sku.as_str())
    }
}

/// Products with the time of their last purchase, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purchases {
    /// `None` after the customer deleted their account: an order that is paid later must not start
    /// a new list.
    products: Option<Vec<(u64, String)>>,
}

impl Default for Purchases {
    /// The list of a customer without purchases.
    fn default() -> Self {
        Self { products: Some(Vec::new()) }
    }
}

impl Purchases {
    /// Adds a product that was bought at this time. Idempotent.
    pub fn add(&mut self, sku: &str, at_ms: u64) {
        let Some(products) = &mut self.products else { return };
        let known = products.iter_mut().find(|(_, known)| known == sku);
        match known {
            Some((last_ms, _)) => *last_ms = at_ms.max(*last_ms),
            None => products.push((at_ms, sku.to_owned())),
        }
        keep_newest(products, PURCHASES_MAX);
    }

    /// Erases them permanently.
    pub fn forget(&mut self) {
        self.products = None;
    }

    /// The SKUs, last bought first.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.products.iter().flatten().map(|(_, sku)| sku.as_str())
    }
}

/// Highest number first, then by SKU.
pub(crate) fn ranked<'a>(numbers: impl Iterator<Item = (&'a str, u64)>) -> Vec<(&'a str, u64)> {
    let mut ranked: Vec<_> = numbers.collect();
    ranked.sort_by_key(|(sku, number)| (std::cmp::Reverse(*number), *sku));
    ranked
}

/// Sorts times and SKUs, newest first, then by SKU. Drops those after the first `max`.
fn keep_newest(products: &mut Vec<(u64, String)>, max: usize) {
    products.sort_by(|(at, sku), (other_at, other)| (other_at, sku).cmp(&(at, other)));
    products.truncate(max);
}
