//! The local copy of the catalogue.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

/// Products on the list of the newest.
pub const NEWEST_MAX: usize = 100;

/// A product as its last event told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Names it.
    pub sku: String,
    /// As on a label.
    pub name: String,
    /// The category's display name.
    pub category: String,
    /// For one piece.
    pub price: Money,
    /// Path of the picture on the storefront.
    pub image: Option<String>,
    /// It is gone. What is gone is remembered, or an event that comes late would bring it back.
    pub removed: bool,
    /// The event's place among those of the product, from 1.
    pub sequence: u64,
    /// When it was first heard of, in milliseconds since the epoch.
    pub since_ms: u64,
}

impl Product {
    /// The later of two tellings of the same product.
    pub fn merge(self, other: Product) -> Product {
        let since_ms = self.since_ms.min(other.since_ms);
        let later = if other.sequence > self.sequence { other } else { self };
        Product { since_ms, ..later }
    }
}

/// The products that were heard of last, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Newest {
    products: Vec<(u64, String)>,
}

impl Newest {
    /// The product is there since this time.
    pub fn note(&mut self, sku: &str, since_ms: u64) {
        self.products.retain(|(_, known)| known != sku);
        self.products.push((since_ms, sku.to_owned()));
        self.products
            .sort_by(|(since, sku), (other_since, other)| (other_since, sku).cmp(&(since, other)));
        self.products.truncate(NEWEST_MAX);
    }

    /// The SKUs, newest first.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.products.iter().map(|(_, sku)| sku.as_str())
    }
}
