//! The products that most orders had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Products on the list.
pub const POPULAR_MAX: usize = 200;

/// How many orders had each product. The figures come from elsewhere and only ever grow, so
/// noting one twice or late changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Popular {
    orders: BTreeMap<String, u64>,
}

impl Popular {
    /// So many orders had the product by now. Who has the fewest leaves when the list is full.
    pub fn note(&mut self, sku: &str, orders: u64) {
        let known = self.orders.entry(sku.to_owned()).or_default();
        *known = orders.max(*known);
        if self.orders.len() > POPULAR_MAX
            && let Some(last) = self.ranked().last().map(|(sku, _)| (*sku).to_owned())
        {
            self.orders.remove(&last);
        }
    }

    /// The products and their orders, most first, by SKU among equals.
    pub fn ranked(&self) -> Vec<(&str, u64)> {
        let orders = self.orders.iter().map(|(sku, orders)| (sku.as_str(), *orders));
        let mut ranked: Vec<_> = orders.collect();
        ranked.sort_by_key(|(sku, orders)| (std::cmp::Reverse(*orders), *sku));
        ranked
    }
}
