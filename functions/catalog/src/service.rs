//! What the catalogue does, whoever asks and wherever things are kept.

use std::collections::{BTreeSet, HashMap};

use chassis::clock;
use chassis::events::Producer;
use chassis::store::{Store, StoreError};

use crate::domain::{Added, Category, Details, Product, Refused, categories, shelf_of};
use crate::ports::Stock;
use crate::records::{Memo, Shelves, Swept};
use crate::search::{self, Place, Query};

/// SKUs in one [`Catalog::get_many`] at most.
pub const BATCH_MAX: usize = 100;

/// The catalogue over a store and the inventory.
#[derive(Clone)]
pub struct Catalog<S, A, P> {
    shelves: Shelves<S, P>,
    stock: A,
}

/// A product as a customer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub product: Product,
    /// Pieces that can be bought now; `None` while inventory doesn't answer, because a
    /// shop whose shelves can be looked at is better than none.
    pub available: Option<u32>,
}

/// One page of the result of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The offers of the page, in order.
    pub offers: Vec<Offer>,
    /// Where the next page starts, if there is one.
    pub next: Option<Place>,
    /// The number of matching products on all pages.
    pub total: usize,
    /// Whether no product matches the words exactly, so that these are approximate matches.
    pub is_approximate: bool,
}

/// Why the catalogue did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The product can't be put there.
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
    /// A catalogue in `store` that tells `producer` of its changes. `memo` outlives the
    /// request where the host reuses instances.
    pub fn new(store: S, stock: A, producer: P, memo: Memo) -> Self {
        Catalog { shelves: Shelves::new(store, producer, memo), stock }
    }

    /// At most `limit` products that match, after `after`, and where to go on.
    pub async fn search(
        &self,
        query: &Query,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Listing, StoreError> {
        let shelves = self.shelves.all().await?;
        let products = shelves.iter().flat_map(|shelf| shelf.searchable());
        let answer = search::page(products, query, after, limit);
        let found = answer.products.into_iter().cloned().collect();
        let (next, total, is_approximate) = (answer.next, answer.total, answer.is_approximate);
        Ok(Listing { offers: self.offers(found).await, next, total, is_approximate })
    }

    /// The product with this SKU.
    pub async fn find(&self, sku: &str) -> Result<Option<Offer>, StoreError> {
        let shelf = self.shelves.of(sku).await?;
        Ok(match shelf.get(sku) {
            Some(product) => self.offers(vec![product.clone()]).await.pop(),
            None => None,
        })
    }

    /// All categories, and the number of their products that match the query.
    pub async fn categories(&self, query: &Query) -> Result<Vec<Category>, StoreError> {
        let shelves = self.shelves.all().await?;
        let products: Vec<_> = shelves.iter().flat_map(|shelf| shelf.searchable()).collect();
        let all = categories(products.iter().map(|(product, _)| *product));
        let fitting = categories(search::everywhere(&products, query));
        let count = |slug: &str| fitting.iter().find(|it| it.slug == slug).map_or(0, |it| it.count);
        Ok(all.into_iter().map(|it| Category { count: count(&it.slug), ..it }).collect())
    }

    /// Add a product; the same again is fine.
    pub async fn add(&self, sku: &str, details: &Details) -> Result<(Added, Product), Error> {
        let now_ms = clock::now_ms();
        self.shelves
            .update(sku, |shelf| {
                let added = shelf.add(sku, details.clone(), now_ms)?;
                let product = shelf.get(sku).cloned().ok_or(Refused::Unknown)?;
                Ok((added, product))
            })
            .await
    }

    /// Change what a product is.
    pub async fn change(&self, sku: &str, details: &Details) -> Result<Product, Error> {
        let now_ms = clock::now_ms();
        let change = |shelf: &mut crate::domain::Shelf| {
            Ok::<_, Error>(shelf.change(sku, details.clone(), now_ms)?)
        };
        self.shelves.update(sku, change).await
    }

    /// Take a product out of the catalogue.
    pub async fn remove(&self, sku: &str) -> Result<(), Error> {
        let now_ms = clock::now_ms();
        self.shelves.update(sku, |shelf| Ok(shelf.remove(sku, now_ms)?)).await
    }

    /// Publish what was not.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        self.shelves.sweep().await
    }

    /// The products with these SKUs, each once; unknown SKUs are left out. Reads each
    /// shelf once, however many of the SKUs are on it.
    pub async fn get_many(&self, skus: &[String]) -> Result<Vec<Product>, StoreError> {
        let wanted: BTreeSet<&str> = skus.iter().map(String::as_str).collect();
        let numbers: BTreeSet<u32> = wanted.iter().map(|sku| shelf_of(sku)).collect();
        let shelves = self.shelves.each(numbers).await?;
        let find = |sku: &str| shelves.iter().find_map(|shelf| shelf.get(sku)).cloned();
        Ok(wanted.into_iter().filter_map(find).collect())
    }

    /// These products with what inventory knows of them.
    pub async fn offers(&self, products: Vec<Product>) -> Vec<Offer> {
        if products.is_empty() {
            return Vec::new();
        }
        let skus = products.iter().map(|product| product.sku.clone()).collect();
        let pieces: HashMap<String, u32> = match self.stock.available(skus).await {
            Ok(pieces) => pieces.into_iter().collect(),
            Err(error) => {
                eprintln!("products are shown without stock: {}", error.0);
                HashMap::new()
            }
        };
        let offer = |product: Product| {
            let available = pieces.get(&product.sku).copied();
            Offer { product, available }
        };
        products.into_iter().map(offer).collect()
    }
}
