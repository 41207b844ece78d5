//! The data file, and the progress of its import.
//!
//! The data file is part of the component. For each imported product, a hash of its entry is
//! stored. So an interrupted import continues where it stopped, an unchanged file is not imported
//! again, and a product that an administrator has changed since is only overwritten if its entry in
//! the file changes.

use std::collections::BTreeMap;

use chassis::money::Money;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The shop's initial products.
pub const DATA: &str = include_str!("../data/products.json");

/// One product of the data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Identifies the product.
    pub sku: String,
    /// The display name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// The category's display name.
    pub category: String,
    /// For one piece.
    pub price: Money,
    /// The number of pieces received.
    pub stock: u32,
}

impl Item {
    /// Changes with any change of this entry.
    pub fn fingerprint(&self) -> String {
        let Money { amount, currency } = &self.price;
        let parts = [
            self.sku.as_str(),
            &self.name,
            &self.description,
            &self.category,
            &amount.to_string(),
            currency,
            &self.stock.to_string(),
        ];
        // Half of the hash is enough to distinguish versions of one product.
        HEXLOWER.encode(&Sha256::digest(parts.join("\u{1f}"))[..16])
    }
}

/// The data file.
#[derive(Clone, Debug)]
pub struct Data {
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// Its products.
    pub items: Vec<Item>,
}

impl Data {
    /// Parses the text of a data file.
    ///
    /// # Errors
    /// The text is not an array of [`Item`]s.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Data {
            hash: HEXLOWER.encode(&Sha256::digest(text)),
            items: serde_json::from_str(text)?,
        })
    }
}

/// The progress of imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Hash of the last file that was imported completely.
    pub completed: Option<String>,
    /// The fingerprints of the imported products, by SKU.
    pub items: BTreeMap<String, String>,
}

impl Progress {
    /// Whether this file was imported completely.
    pub fn covers(&self, data: &Data) -> bool {
        self.completed.as_deref() == Some(&data.hash)
    }

    /// The products that are new or have changed, in the order of the file.
    pub fn pending<'a>(&self, data: &'a Data) -> Vec<&'a Item> {
        let known = |item: &&Item| self.items.get(&item.sku) == Some(&item.fingerprint());
        data.items.iter().filter(|item| !known(item)).collect()
    }

    /// Notes that this product was imported.
    pub fn note(&mut self, item: &Item) {
        self.items.insert(item.sku.clone(), item.fingerprint());
    }

    /// Notes that the whole file was imported.
    pub fn complete(&mut self, data: &Data) {
        self.completed = Some(data.hash.clone());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::collections::BTreeSet;

    use super::*;

    fn data() -> Data {
        Data::parse(DATA).unwrap()
    }

    #[test]
    fn the_data_file_has_enough_products_categories_and_rare_items() {
        let items = data().items;
        let categories: BTreeSet<_> = items.iter().map(|item| &item.category).collect();
        assert!(items.len() >= 240, "{} products", items.len());
        assert!(categories.len() >= 10, "{} categories", categories.len());
        assert!(items.iter().filter(|item| item.stock <= 5).count() >= 5, "some must be rare");
    }

    #[test]
    fn all_products_of_the_data_file_are_valid() {
        let items = data().items;
        let distinct = |of: fn(&Item) -> &str| items.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|item| &item.sku), items.len(), "SKUs repeat");
        assert_eq!(distinct(|item| &item.name), items.len(), "names repeat");
        assert_eq!(distinct(|item| &item.description), items.len(), "descriptions repeat");
        for item in &items {
            let sku = &item.sku;
            assert!(catalog::domain::is_sku(sku), "{sku}");
            assert!((1..=100).contains(&item.name.chars().count()), "{sku}");
            assert!(item.description.ends_with('.') && item.description.len() > 20, "{sku}");
            assert!(
                (1..=catalog::domain::PRICE_MINOR_UNITS_MAX).contains(&item.price.amount),
                "{sku}"
            );
            assert_eq!(item.price.currency, catalog::domain::CURRENCY, "{sku}");
            assert!(item.stock > 0, "{sku}");
        }
    }

    #[test]
    fn unknown_members_are_errors() {
        let text = DATA.replacen("\"stock\"", "\"stocks\"", 1);
        assert!(Data::parse(&text).is_err());
    }
}
