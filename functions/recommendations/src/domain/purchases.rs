//! The purchases of a customer.

use serde::{Deserialize, Serialize};

use super::keep_newest;

/// The maximum number of stored products of one customer. The oldest ones are dropped.
pub const PURCHASES_MAX: usize = 500;

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
