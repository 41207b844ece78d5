//! Products, and the shards in which they are stored.
//!
//! A store can't list its keys and swaps one key at a time. If each product had its own key, a list
//! of all SKUs would be needed, and a crash between the two writes would leave a product that
//! search never finds. So products are stored in a fixed number of shards, one value each, chosen
//! by a hash of the SKU: a change is one swap, a product is one small read, and a search is
//! [`SHARDS`] reads. The unpublished events of a product are in its shard: the same swap writes
//! both.

mod events;

pub use events::{BATCH_LENGTH, BURST_MS};

use std::collections::{BTreeMap, BTreeSet};

use chassis::hash;
use chassis::money::Money;
use chassis::outbox::Outbox;
use serde::{Deserialize, Serialize};

/// The number of shards. Stored data depends on it: a change has to move products.
pub const SHARDS: u32 = 8;
/// The maximum number of products in one shard, so that a value stays below about 1 MiB.
pub const SHARD_PRODUCTS_MAX: usize = 1_000;
/// The maximum number of SKUs in one shard, including those of removed products: if a product is
/// added again, the numbers of its events continue.
pub const SHARD_SKUS_MAX: usize = 4_000;
/// Longest SKU, in characters.
pub const SKU_CHARS_MAX: usize = 64;
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Longest name of a category, in characters.
pub const CATEGORY_CHARS_MAX: usize = 60;
/// Highest price, in minor units (a million euros).
pub const PRICE_MINOR_UNITS_MAX: i64 = 100_000_000;
/// The only currency of prices, so that any cart has one total.
pub const CURRENCY: &str = "EUR";

/// The part of a product that an administrator can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Short, as on a label.
    pub name: String,
    /// One or a few sentences.
    pub description: String,
    /// The category's display name, as `Coffee & Tea`.
    pub category: String,
    /// For one piece.
    pub price: Money,
}

/// A product as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Never changes.
    pub sku: String,
    /// Everything else.
    #[serde(flatten)]
    pub details: Details,
    /// The time of the last change, in milliseconds since the epoch.
    pub updated_at: u64,
}

impl Product {
    /// The path of its picture on the storefront.
    pub fn image(&self) -> String {
        format!("/images/{}.svg", self.sku)
    }
}

/// The result of adding a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// The same product exists; nothing was changed.
    Same,
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another product has this SKU.
    Taken,
    /// No product has this SKU.
    Unknown,
    /// The shard has [`SHARD_PRODUCTS_MAX`] products or [`SHARD_SKUS_MAX`] SKUs.
    Full,
    /// Too many events are unpublished.
    Busy,
}

/// All products whose SKU hashes to the same number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    products: BTreeMap<String, Product>,
    /// SKUs of products that were removed.
    #[serde(default)]
    removed: BTreeSet<String>,
    /// The time of the last change, in milliseconds since the epoch.
    #[serde(default)]
    changed_at: u64,
    #[serde(default)]
    outbox: Outbox,
}

impl Shard {
    /// The product with this SKU.
    pub fn get(&self, sku: &str) -> Option<&Product> {
        self.products.get(sku)
    }

    /// All products, ordered by SKU.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// Adds a product. Adding the same product again succeeds: an interrupted import starts over
    /// without knowing which products were added.
    pub fn add(&mut self, sku: &str, details: Details, now_ms: u64) -> Result<Added, Refused> {
        match self.products.get(sku) {
            Some(there) if there.details == details => Ok(Added::Same),
            Some(_) => Err(Refused::Taken),
            None if !self.has_room_for(sku) => Err(Refused::Full),
            None => {
                let product = Product { sku: sku.to_owned(), details, updated_at: now_ms };
                self.push(events::CHANGED, &product)?;
                self.removed.remove(sku);
                self.products.insert(sku.to_owned(), product);
                Ok(Added::New)
            }
        }
    }

    /// Replaces the details of a product. `updated_at` changes only if they differ.
    pub fn change(&mut self, sku: &str, details: Details, now_ms: u64) -> Result<Product, Refused> {
        let there = self.products.get(sku).ok_or(Refused::Unknown)?;
        if there.details == details {
            return Ok(there.clone());
        }
        let product = Product { sku: sku.to_owned(), details, updated_at: now_ms };
        self.push(events::CHANGED, &product)?;
        self.products.insert(sku.to_owned(), product.clone());
        Ok(product)
    }

    /// Removes a product. Orders have their own copies.
    pub fn remove(&mut self, sku: &str, now_ms: u64) -> Result<(), Refused> {
        let mut product = self.products.get(sku).cloned().ok_or(Refused::Unknown)?;
        product.updated_at = now_ms;
        self.push(events::REMOVED, &product)?;
        self.products.remove(sku);
        self.removed.insert(sku.to_owned());
        Ok(())
    }

    fn has_room_for(&self, sku: &str) -> bool {
        let ever = self.products.len() + self.removed.len();
        self.products.len() < SHARD_PRODUCTS_MAX
            && (ever < SHARD_SKUS_MAX || self.removed.contains(sku))
    }
}

/// The number of the shard of a SKU.
pub fn shard_of(sku: &str) -> u32 {
    hash::shard(sku, SHARDS)
}

/// Whether this is a valid SKU: upper-case letters and digits in groups joined by single hyphens,
/// like `KIT-0007`, so that it is safe in a path.
pub fn is_sku(text: &str) -> bool {
    text.len() <= SKU_CHARS_MAX
        && text.split('-').all(|group| {
            !group.is_empty()
                && group.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

/// A category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Category {
    /// Send it as `category` to search in this category.
    pub slug: String,
    pub name: String,
    /// The number of its products.
    pub count: usize,
}

/// The categories of these products, ordered by slug.
pub fn categories<'a>(products: impl Iterator<Item = &'a Product>) -> Vec<Category> {
    let mut found: BTreeMap<String, Category> = BTreeMap::new();
    for product in products {
        let name = &product.details.category;
        let slug = crate::text::slug(name);
        let category = found.entry(slug.clone()).or_insert_with(|| Category {
            slug,
            name: name.clone(),
            count: 0,
        });
        category.count += 1;
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn details(name: &str, category: &str) -> Details {
        Details {
            name: name.to_owned(),
            description: "A thing.".to_owned(),
            category: category.to_owned(),
            price: Money { amount: 1_250, currency: CURRENCY.to_owned() },
        }
    }

    #[test]
    fn a_full_shard_refuses_new_products_but_accepts_changes() {
        let mut shard = Shard::default();
        for number in 0..SHARD_PRODUCTS_MAX {
            shard.add(&format!("A-{number}"), details("Pan", "Kitchen"), 1).unwrap();
            shard.outbox.settle(u64::MAX);
        }
        assert_eq!(shard.add("B-1", details("Pan", "Kitchen"), 2), Err(Refused::Full));
        assert_eq!(shard.add("A-1", details("Pan", "Kitchen"), 2), Ok(Added::Same));
        assert!(shard.change("A-1", details("Pot", "Kitchen"), 2).is_ok());
    }

    #[test]
    fn a_change_stamps_the_product_only_when_something_differs() {
        let mut shard = Shard::default();
        shard.add("KIT-0001", details("Pan", "Kitchen"), 1).unwrap();
        assert_eq!(shard.change("KIT-0001", details("Pan", "Kitchen"), 5).unwrap().updated_at, 1);
        assert_eq!(shard.change("KIT-0001", details("Pot", "Kitchen"), 6).unwrap().updated_at, 6);
        assert_eq!(shard.change("KIT-0002", details("Pot", "Kitchen"), 7), Err(Refused::Unknown));
    }

    #[test]
    fn the_shard_of_a_sku_never_changes() {
        let shards = ["KIT-0001", "KIT-0002", "TEA-0001", "A"].map(shard_of);
        assert_eq!(shards, [1, 0, 7, 4]);
        assert!((0..500).all(|n| shard_of(&format!("X-{n}")) < SHARDS));
    }

    #[test]
    fn skus_are_groups_of_capitals_and_digits() {
        for good in ["A", "KIT-0007", "4711", "A-B-C9"] {
            assert!(is_sku(good), "{good}");
        }
        let long = "A".repeat(SKU_CHARS_MAX + 1);
        for bad in ["", "-", "A-", "-A", "A--B", "kit-1", "A B", "A/B", "Ä", "A\n", &long] {
            assert!(!is_sku(bad), "{bad:?}");
        }
    }
}
