//! The local copy of the catalogue: products in a fixed number of values, chosen by a hash of
//! the SKU, so that all of them can be walked without a list that would have to be kept.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};

use crate::domain::Product;

/// In how many values the products are split. Stored data depends on it.
const SHARDS: u64 = 64;

type Shard = BTreeMap<String, Product>;

/// Reads each value once.
pub(crate) struct Catalogue<S> {
    store: S,
    read: BTreeMap<u64, Shard>,
}

impl<S: Store> Catalogue<S> {
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

    /// Stores the later of what is known and what is told; which it is.
    pub(crate) async fn put(&self, told: &Product) -> Result<Product, StoreError> {
        let put = |products: Option<Shard>| {
            let mut products = products.unwrap_or_default();
            let product = match products.remove(&told.sku) {
                Some(known) => known.merge(told.clone()),
                None => told.clone(),
            };
            products.insert(product.sku.clone(), product.clone());
            Ok::<_, StoreError>((products, product))
        };
        self.store.update(&key(shard_of(&told.sku)), put).await
    }
}

fn key(shard: u64) -> String {
    format!("products/{shard}")
}

/// FNV-1a: the same on every host and in every version.
fn shard_of(sku: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    sku.bytes().fold(0xcbf2_9ce4_8422_2325, step) % SHARDS
}
