//! What one customer has bought.

use serde::{Deserialize, Serialize};

/// Different products that are remembered of one customer; the oldest are forgotten.
pub const PURCHASES_MAX: usize = 500;

/// Products with the time of their last purchase, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purchases {
    products: Vec<(u64, String)>,
}

impl Purchases {
    /// The product was bought at this time. Telling it twice changes nothing.
    pub fn add(&mut self, sku: &str, at_ms: u64) {
        let known = self.products.iter_mut().find(|(_, known)| known == sku);
        match known {
            Some((last_ms, _)) => *last_ms = at_ms.max(*last_ms),
            None => self.products.push((at_ms, sku.to_owned())),
        }
        self.products.sort_by(|(at, sku), (other_at, other)| (other_at, sku).cmp(&(at, other)));
        self.products.truncate(PURCHASES_MAX);
    }

    /// The SKUs, last bought first.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.products.iter().map(|(_, sku)| sku.as_str())
    }
}
