//! What is to be imported, and what was.
//!
//! The data file is part of the component. What the shop has taken is remembered product
//! by product, as a hash of what the file said. So an import that was cut off goes on
//! where it stopped, a file that has not changed is nothing to do, and a product that an
//! admin has changed since is touched again only when the file says something new of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The shop's first stock of goods.
pub const DATA: &str = include_str!("../data/products.json");

/// One product of the data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Names the product.
    pub sku: String,
    /// As on a label.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// The category's display name.
    pub category: String,
    /// For one piece.
    pub price: Price,
    /// Pieces received so far.
    pub stock: u32,
}

/// An amount in minor units of an ISO 4217 currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Minor units (cents).
    pub amount: i64,
    /// Three upper-case letters.
    pub currency: String,
}

impl Item {
    /// Changes when anything that the file says of this product does.
    pub fn fingerprint(&self) -> String {
        let Price { amount, currency } = &self.price;
        let parts = [
            self.sku.as_str(),
            &self.name,
            &self.description,
            &self.category,
            &amount.to_string(),
            currency,
            &self.stock.to_string(),
        ];
        // Half of the hash is plenty to tell versions of one product apart.
        hex(&Sha256::digest(parts.join("\u{1f}"))[..16])
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
    /// Read the text of a data file.
    ///
    /// # Errors
    /// The text is not an array of [`Item`]s.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Data { hash: hex(&Sha256::digest(text)), items: serde_json::from_str(text)? })
    }
}

/// What the shop has taken so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Hash of the last file that was imported to its end.
    pub completed: Option<String>,
    /// Fingerprint of each product as it was imported last, by SKU.
    pub items: BTreeMap<String, String>,
}

impl Progress {
    /// Is nothing left to do of this file?
    pub fn covers(&self, data: &Data) -> bool {
        self.completed.as_deref() == Some(&data.hash)
    }

    /// The products that are new or say something new, in the order of the file.
    pub fn pending<'a>(&self, data: &'a Data) -> Vec<&'a Item> {
        let known = |item: &&Item| self.items.get(&item.sku) == Some(&item.fingerprint());
        data.items.iter().filter(|item| !known(item)).collect()
    }

    /// This product is in the shop.
    pub fn note(&mut self, item: &Item) {
        self.items.insert(item.sku.clone(), item.fingerprint());
    }

    /// The whole file is in the shop.
    pub fn complete(&mut self, data: &Data) {
        self.completed = Some(data.hash.clone());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    fn the_data_file_fills_a_shop() {
        let items = data().items;
        let categories: BTreeSet<_> = items.iter().map(|item| &item.category).collect();
        assert!(items.len() >= 240, "{} products", items.len());
        assert!(categories.len() >= 10, "{} categories", categories.len());
        assert!(items.iter().filter(|item| item.stock <= 5).count() >= 5, "some must be rare");
    }

    #[test]
    fn every_product_of_the_data_file_is_one_that_the_shop_takes() {
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
    fn an_import_that_was_cut_off_goes_on_where_it_stopped() {
        let data = data();
        let mut progress = Progress::default();
        for item in &data.items[..100] {
            progress.note(item);
        }
        assert!(!progress.covers(&data));
        let pending = progress.pending(&data);
        assert_eq!(pending.len(), data.items.len() - 100);
        assert_eq!(pending[0], &data.items[100]);
    }

    #[test]
    fn a_new_file_brings_only_what_it_changes() {
        let old = data();
        let mut progress = Progress::default();
        old.items.iter().for_each(|item| progress.note(item));
        progress.complete(&old);
        assert!(progress.covers(&old));

        let text = DATA.replacen("\"stock\": 64", "\"stock\": 65", 1);
        let new = Data::parse(&text).unwrap();
        assert!(!progress.covers(&new));
        let pending = progress.pending(&new);
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].stock, 65);
    }

    #[test]
    fn a_file_with_an_unknown_member_is_refused() {
        let text = DATA.replacen("\"stock\"", "\"stocks\"", 1);
        assert!(Data::parse(&text).is_err());
    }
}
