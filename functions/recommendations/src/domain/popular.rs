//! The products that most orders had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ranked;

/// The maximum number of products on the list.
pub const POPULAR_MAX: usize = 200;

/// The number of orders of each product. The numbers are copies that only grow, so that duplicate
/// and late updates change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Popular {
    orders: BTreeMap<String, u64>,
}

impl Popular {
    /// Sets the number of orders of a product. If the list is too long, the product with the fewest is
    /// removed.
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
