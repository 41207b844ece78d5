//! What one customer has bought.

use serde::{Deserialize, Serialize};

/// Different products that are remembered of one customer; the oldest are forgotten.
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
    /// The product was bought at this time. Telling it twice changes nothing.
    pub fn add(&mut self, sku: &str, at_ms: u64) {
        let Some(products) = &mut self.products else { return };
        let known = products.iter_mut().find(|(_, known)| known == sku);
        match known {
            Some((last_ms, _)) => *last_ms = at_ms.max(*last_ms),
            None => products.push((at_ms, sku.to_owned())),
        }
        products.sort_by(|(at, sku), (other_at, other)| (other_at, sku).cmp(&(at, other)));
        products.truncate(PURCHASES_MAX);
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
