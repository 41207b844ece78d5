//! Products of the local copy of the catalog.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::keep_newest;

/// The maximum number of products on the list of the newest.
pub const NEWEST_MAX: usize = 100;

/// A product in the state of its last event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Identifies it.
    pub sku: String,
    /// The display name.
    pub name: String,
    /// The category's display name.
    pub category: String,
    /// The price of one piece.
    pub price: Money,
    /// Path of the picture on the storefront.
    pub image: Option<String>,
    /// It was removed from the catalog. It stays here, so that a late event does not restore it.
    pub removed: bool,
    /// The number of the event among those of the product, from 1.
    pub sequence: u64,
    /// The time of its first event, in milliseconds since the epoch.
    pub since_ms: u64,
}

impl Product {
    /// The later of two states of the same product.
    pub fn merge(self, other: Product) -> Product {
        let since_ms = self.since_ms.min(other.since_ms);
        let later = if other.sequence > self.sequence { other } else { self };
        Product { since_ms, ..later }
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
