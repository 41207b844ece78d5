//! Products of the local copy of the catalog.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

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
