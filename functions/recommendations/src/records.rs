//! The keys of the store, and the local copy of the catalog: products in a fixed number of shards,
//! chosen by a hash of the SKU, so that all of them can be read without an index.
//!
//! ```text
//! sku/<sku>          what was bought together with the product, and how many orders had it
//! popular            the products that most orders had
//! user/<id>          what the customer has bought; null after the account was deleted
//! order/<id>         the order is counted in all of the above
//! products/<shard>   the local copy of the catalog
//! newest             the newest products
//! freshness          when the newest event happened, and when it was processed
//! ```

use std::collections::BTreeMap;

use chassis::hash::fnv1a_64;
use chassis::store::{Store, StoreError};

use crate::domain::Product;

pub(crate) const POPULAR: &str = "popular";
pub(crate) const NEWEST: &str = "newest";
pub(crate) const FRESHNESS: &str = "freshness";
/// The number of shards. Stored data depends on it.
const SHARDS: u64 = 64;

type Shard = BTreeMap<String, Product>;

/// The copy of the catalog. Reads each shard once.
pub(crate) struct Products<S> {
    store: S,
    read: BTreeMap<u64, Shard>,
}

impl<S: Store> Products<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, read: BTreeMap::new() }
    }

    pub(crate) async fn find(&mut self, sku: &str) -> Result<Option<Product>, StoreError> {
        let shard = shard_of(sku);
        if !self.read.contains_key(&shard) {
            let products: Option<Shard> = self.store.read(&key(shard)).await?;
            self.read.insert(shard, products.unwrap_or_default());
        }
        Ok(self.read.get(&shard).and_then(|products| products.get(sku)).cloned())
    }

    pub(crate) async fn all(&self) -> Result<Vec<Product>, StoreError> {
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            let products: Option<Shard> = self.store.read(&key(shard)).await?;
            all.extend(products.unwrap_or_default().into_values());
        }
        Ok(all)
    }

    /// Stores and returns the later state of a product: this one or the known one.
    pub(crate) async fn put(&self, state: &Product) -> Result<Product, StoreError> {
        let put = |products: Option<Shard>| {
            let mut products = products.unwrap_or_default();
            let product = match products.remove(&state.sku) {
                Some(known) => known.merge(state.clone()),
                None => state.clone(),
            };
            products.insert(product.sku.clone(), product.clone());
            Ok::<_, StoreError>((products, product))
        };
        self.store.update(&key(shard_of(&state.sku)), put).await
    }
}

fn key(shard: u64) -> String {
    format!("products/{shard}")
}

fn shard_of(sku: &str) -> u64 {
    fnv1a_64(sku.bytes()) % SHARDS
}

pub(crate) fn sku_key(sku: &str) -> String {
    format!("sku/{sku}")
}

pub(crate) fn user_key(user_id: &str) -> String {
    format!("user/{user_id}")
}

pub(crate) fn order_key(order_id: &str) -> String {
    format!("order/{order_id}")
}
