//! The use cases of the catalog.

use std::collections::{BTreeSet, HashMap};

use chassis::clock;
use chassis::events::Producer;
use chassis::store::{Store, StoreError};

use crate::domain::{Added, Category, Details, Product, Refused, categories, shard_of};
use crate::ports::Stock;
use crate::records::{Memo, Records, Swept};
use crate::search::{self, Position, Query, ResultPage};

/// The maximum number of SKUs in one [`Catalog::get_many`].
pub const BATCH_MAX: usize = 100;

/// The catalog over a store and the inventory.
#[derive(Clone)]
pub struct Catalog<S, A, P> {
    records: Records<S, P>,
    stock: A,
}

/// A product as customers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The product.
    pub product: Product,
    /// The quantity that can be ordered now; `None` while inventory does not respond.
    pub available: Option<u32>,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The change was refused.
    Refused(Refused),
    /// The store failed.
    Store(StoreError),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::Refused(refused)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Store(error)
    }
}

impl<S: Store, A: Stock, P: Producer> Catalog<S, A, P> {
    /// The catalog in `store`, which publishes changes with `producer`. `memo` outlives the request
    /// where the host reuses instances.
    pub fn new(store: S, stock: A, producer: P, memo: Memo) -> Self {
        Catalog { records: Records::new(store, producer, memo), stock }
    }

    /// At most `limit` matching products after `after`.
    pub async fn search(
        &self,
        query: &Query,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<ResultPage<Offer>, StoreError> {
        let shards = self.records.all().await?;
        let products = shards.iter().flat_map(|shard| shard.products_with_texts());
        let ResultPage { items, next, total, is_approximate } =
            search::page(products, query, after, limit);
        let items = self.offers(items.into_iter().cloned().collect()).await;
        Ok(ResultPage { items, next, total, is_approximate })
    }

    /// The product with this SKU.
    pub async fn find(&self, sku: &str) -> Result<Option<Offer>, StoreError> {
        let shard = self.records.of(sku).await?;
        Ok(match shard.get(sku) {
            Some(product) => self.offers(vec![product.clone()]).await.pop(),
            None => None,
        })
    }

    /// All categories, and the number of their products that match the query.
    pub async fn categories(&self, query: &Query) -> Result<Vec<Category>, StoreError> {
        let shards = self.records.all().await?;
        let products: Vec<_> =
            shards.iter().flat_map(|shard| shard.products_with_texts()).collect();
        let all = categories(products.iter().map(|(product, _)| *product));
        let matching = categories(search::everywhere(&products, query));
        let count =
            |slug: &str| matching.iter().find(|it| it.slug == slug).map_or(0, |it| it.count);
        Ok(all.into_iter().map(|it| Category { count: count(&it.slug), ..it }).collect())
    }

    /// Adds a product. Adding the same product again succeeds.
    pub async fn add(&self, sku: &str, details: &Details) -> Result<(Added, Product), Error> {
        let now_ms = clock::now_ms();
        self.records
            .update(sku, |shard| {
                let added = shard.add(sku, details.clone(), now_ms)?;
                let product = shard.get(sku).cloned().ok_or(Refused::Unknown)?;
                Ok((added, product))
            })
            .await
    }

    /// Replaces the details of a product.
    pub async fn change(&self, sku: &str, details: &Details) -> Result<Product, Error> {
        let now_ms = clock::now_ms();
        self.records.update(sku, |shard| Ok(shard.change(sku, details.clone(), now_ms)?)).await
    }

    /// Removes a product.
    pub async fn remove(&self, sku: &str) -> Result<(), Error> {
        let now_ms = clock::now_ms();
        self.records.update(sku, |shard| Ok(shard.remove(sku, now_ms)?)).await
    }

    /// Publishes pending events.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        self.records.sweep().await
    }

    /// The products with these SKUs, each once, without unknown SKUs. Reads each shard once.
    pub async fn get_many(&self, skus: &[String]) -> Result<Vec<Product>, StoreError> {
        let wanted: BTreeSet<&str> = skus.iter().map(String::as_str).collect();
        let numbers: BTreeSet<u32> = wanted.iter().map(|sku| shard_of(sku)).collect();
        let shards = self.records.each(numbers).await?;
        let find = |sku: &str| shards.iter().find_map(|shard| shard.get(sku)).cloned();
        Ok(wanted.into_iter().filter_map(find).collect())
    }

    /// These products with their stock, as far as inventory responds.
    pub async fn offers(&self, products: Vec<Product>) -> Vec<Offer> {
        if products.is_empty() {
            return Vec::new();
        }
        let skus = products.iter().map(|product| product.sku.clone()).collect();
        let stock: HashMap<String, u32> = match self.stock.available(skus).await {
            Ok(stock) => stock.into_iter().collect(),
            Err(error) => {
                eprintln!("products are shown without stock: {}", error.0);
                HashMap::new()
            }
        };
        let offer = |product: Product| {
            let available = stock.get(&product.sku).copied();
            Offer { product, available }
        };
        products.into_iter().map(offer).collect()
    }
}
