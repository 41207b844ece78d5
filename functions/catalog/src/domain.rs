//! Products and the shelves that they are kept on.
//!
//! A key-value store can't be listed and swaps one key at a time. Had each product a key
//! of its own, a list of all SKUs would have to be kept beside them, and a crash between
//! the two writes would leave a product that exists but is never found. So products are
//! kept whole on a fixed number of shelves, one value each, chosen by a hash of the SKU:
//! a write is one swap, there is nothing to mend, a product is one small read, and a
//! search is [`SHELVES`] reads however many products there are. What others have still to be
//! told of a product is on its shelf, too: the same swap writes both.

mod events;

pub use events::{BATCH_LENGTH, BURST_MS};

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use chassis::outbox::Outbox;
use serde::{Deserialize, Serialize};

/// Number of shelves. Stored data depends on it: it can't be changed without moving products.
pub const SHELVES: u32 = 8;
/// Products on one shelf at most, so that a value stays under about 1 MiB.
pub const SHELF_PRODUCTS_MAX: usize = 1_000;
/// Products that were ever on one shelf at most: removed ones leave their SKU behind, because
/// the numbers of their events go on if they come back.
pub const SHELF_SKUS_MAX: usize = 4_000;
/// Characters of a SKU at most.
pub const SKU_CHARS_MAX: usize = 64;
/// Characters of a name at most.
pub const NAME_CHARS_MAX: usize = 200;
/// Characters of a description at most.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Characters of a category's name at most.
pub const CATEGORY_CHARS_MAX: usize = 60;
/// Highest price, in minor units (a million euros).
pub const PRICE_MINOR_UNITS_MAX: i64 = 100_000_000;
/// The one currency that the shop sells in, so that any cart has one total.
pub const CURRENCY: &str = "EUR";

/// What a product is, apart from its SKU: all that an admin can change.
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
    /// Names it for ever.
    pub sku: String,
    /// What it is.
    #[serde(flatten)]
    pub details: Details,
    /// Milliseconds since the epoch, of the last real change.
    pub updated_at: u64,
}

impl Product {
    /// Path of its picture on the storefront.
    pub fn image(&self) -> String {
        format!("/images/{}.svg", self.sku)
    }
}

/// What came of putting a product on a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was not there before.
    New,
    /// The very same product is there already; nothing was changed.
    Same,
}

/// Why a shelf did not take a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another product has this SKU.
    Taken,
    /// No product has this SKU.
    Unknown,
    /// The shelf holds [`SHELF_PRODUCTS_MAX`] products, or has held [`SHELF_SKUS_MAX`].
    Full,
    /// Too much waits to be told to others.
    Busy,
}

/// A part of the catalogue: all products whose SKU hashes to its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    products: BTreeMap<String, Product>,
    /// SKUs of products that were removed.
    #[serde(default)]
    removed: BTreeSet<String>,
    /// When anything was last changed, in milliseconds since the epoch.
    #[serde(default)]
    changed_at: u64,
    #[serde(default)]
    outbox: Outbox,
}

impl Shelf {
    /// The product with this SKU.
    pub fn get(&self, sku: &str) -> Option<&Product> {
        self.products.get(sku)
    }

    /// All products, ordered by SKU.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// Add a product. Repeating an addition is no fault: an import that was cut off
    /// starts over without knowing what got through.
    pub fn add(&mut self, sku: &str, details: Details, now_ms: u64) -> Result<Added, Refused> {
        match self.products.get(sku) {
            Some(there) if there.details == details => Ok(Added::Same),
            Some(_) => Err(Refused::Taken),
            None if !self.has_place_for(sku) => Err(Refused::Full),
            None => {
                let product = Product { sku: sku.to_owned(), details, updated_at: now_ms };
                self.tell_changed(&product)?;
                self.removed.remove(sku);
                self.products.insert(sku.to_owned(), product);
                Ok(Added::New)
            }
        }
    }

    /// Replace what a product is. Its `updated_at` moves only when something differs.
    pub fn change(&mut self, sku: &str, details: Details, now_ms: u64) -> Result<Product, Refused> {
        let there = self.products.get(sku).ok_or(Refused::Unknown)?;
        if there.details == details {
            return Ok(there.clone());
        }
        let product = Product { sku: sku.to_owned(), details, updated_at: now_ms };
        self.tell_changed(&product)?;
        self.products.insert(sku.to_owned(), product.clone());
        Ok(product)
    }

    /// Take a product away. What was ordered of it keeps its own copy.
    pub fn remove(&mut self, sku: &str, now_ms: u64) -> Result<(), Refused> {
        let mut product = self.products.get(sku).cloned().ok_or(Refused::Unknown)?;
        product.updated_at = now_ms;
        self.tell_removed(&product)?;
        self.products.remove(sku);
        self.removed.insert(sku.to_owned());
        Ok(())
    }

    fn has_place_for(&self, sku: &str) -> bool {
        let ever = self.products.len() + self.removed.len();
        self.products.len() < SHELF_PRODUCTS_MAX
            && (ever < SHELF_SKUS_MAX || self.removed.contains(sku))
    }
}

/// The number of the shelf that a SKU belongs on (FNV-1a, which is the same everywhere
/// and for ever, unlike the standard library's hashes).
pub fn shelf_of(sku: &str) -> u32 {
    let hash = sku
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % SHELVES
}

/// Is this a SKU? Upper-case letters and digits in groups joined by single hyphens, as
/// `KIT-0007`, so that it is safe in a path and reads the same everywhere.
pub fn is_sku(text: &str) -> bool {
    text.len() <= SKU_CHARS_MAX
        && text.split('-').all(|group| {
            !group.is_empty()
                && group.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

/// How many products a category has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// What `?category=` takes, as `coffee-tea`.
    pub slug: String,
    /// As shown, as `Coffee & Tea`.
    pub name: String,
    /// Products in it.
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
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn details(name: &str, category: &str) -> Details {
        Details {
            name: name.to_owned(),
            description: "A thing.".to_owned(),
            category: category.to_owned(),
            price: Money { amount: 1_250, currency: CURRENCY.to_owned() },
        }
    }

    #[test]
    fn adding_the_same_product_again_changes_nothing() {
        let mut shelf = Shelf::default();
        assert_eq!(shelf.add("KIT-0001", details("Pan", "Kitchen"), 1), Ok(Added::New));
        let before = shelf.clone();
        assert_eq!(shelf.add("KIT-0001", details("Pan", "Kitchen"), 9), Ok(Added::Same));
        assert_eq!(shelf, before);
    }

    #[test]
    fn another_product_under_a_taken_sku_is_refused() {
        let mut shelf = Shelf::default();
        shelf.add("KIT-0001", details("Pan", "Kitchen"), 1).unwrap();
        let refused = shelf.add("KIT-0001", details("Pot", "Kitchen"), 2);
        assert_eq!(refused, Err(Refused::Taken));
        assert_eq!(shelf.get("KIT-0001").unwrap().details.name, "Pan");
    }

    #[test]
    fn a_full_shelf_refuses_new_products_and_still_changes_old_ones() {
        let mut shelf = Shelf::default();
        for number in 0..SHELF_PRODUCTS_MAX {
            shelf.add(&format!("A-{number}"), details("Pan", "Kitchen"), 1).unwrap();
            shelf.outbox.settle(u64::MAX);
        }
        assert_eq!(shelf.add("B-1", details("Pan", "Kitchen"), 2), Err(Refused::Full));
        assert_eq!(shelf.add("A-1", details("Pan", "Kitchen"), 2), Ok(Added::Same));
        assert!(shelf.change("A-1", details("Pot", "Kitchen"), 2).is_ok());
    }

    #[test]
    fn a_change_stamps_the_product_only_when_something_differs() {
        let mut shelf = Shelf::default();
        shelf.add("KIT-0001", details("Pan", "Kitchen"), 1).unwrap();
        assert_eq!(shelf.change("KIT-0001", details("Pan", "Kitchen"), 5).unwrap().updated_at, 1);
        assert_eq!(shelf.change("KIT-0001", details("Pot", "Kitchen"), 6).unwrap().updated_at, 6);
        assert_eq!(shelf.change("KIT-0002", details("Pot", "Kitchen"), 7), Err(Refused::Unknown));
    }

    #[test]
    fn skus_stay_on_the_shelf_that_stored_data_has_them_on() {
        let shelves = ["KIT-0001", "KIT-0002", "TEA-0001", "A"].map(shelf_of);
        assert_eq!(shelves, [1, 0, 7, 4]);
        assert!((0..500).all(|n| shelf_of(&format!("X-{n}")) < SHELVES));
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

    #[test]
    fn spellings_of_one_category_count_as_one() {
        let mut shelf = Shelf::default();
        shelf.add("A-1", details("Cup", "Coffee & Tea"), 1).unwrap();
        shelf.add("A-2", details("Pot", "Coffee & Tea"), 1).unwrap();
        shelf.add("A-3", details("Pan", "Kitchen"), 1).unwrap();
        let found: Vec<_> =
            categories(shelf.products()).into_iter().map(|c| (c.slug, c.name, c.count)).collect();
        let expected = [("coffee-tea", "Coffee & Tea", 2), ("kitchen", "Kitchen", 1)]
            .map(|(slug, name, count)| (slug.to_owned(), name.to_owned(), count));
        assert_eq!(found, expected);
    }
}
