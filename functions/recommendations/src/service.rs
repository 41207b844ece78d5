//! What is learned from events, and what is recommended.

mod learn;

pub use learn::Refused;

use std::collections::{BTreeMap, BTreeSet};

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Companions, Newest, Popular, Product, Purchases, ranked};
use crate::records::{FRESHNESS, NEWEST, POPULAR, Products, sku_key, user_key};

/// How many of a customer's last purchases lead to recommendations.
pub const PURCHASES_FOLLOWED_MAX: usize = 20;
/// How many products of a cart lead to recommendations.
pub const CART_FOLLOWED_MAX: usize = 20;

/// The recommendations over their store.
#[derive(Clone, Debug)]
pub struct Recommendations<S> {
    store: S,
}

/// Why something is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub enum Reason {
    /// It is bought together with the product, or with what the customer has bought.
    AlsoBought,
    /// Many orders had it.
    Popular,
    /// It is new in the shop.
    New,
}

/// A recommended product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommended {
    /// From the local copy of the catalog.
    pub product: Product,
    /// Why it is recommended.
    pub reason: Reason,
}

/// The times of the newest event, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// When it happened.
    pub event_at_ms: u64,
    /// When it was processed.
    pub received_at_ms: u64,
}

/// The state of the recommendations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Products in the local copy of the catalog.
    pub products: u64,
    /// Products that were removed from the catalog.
    pub removed: u64,
    /// `None` before the first event.
    pub freshness: Option<Freshness>,
}

impl<S: Store> Recommendations<S> {
    /// The recommendations in `store`.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// Products that are bought together with a product, then popular and new ones.
    pub async fn also_bought(
        &self,
        sku: &str,
        limit: usize,
    ) -> Result<Vec<Recommended>, StoreError> {
        let companions = self.companions(sku).await?;
        let mut collector = self.collector(limit, [sku.to_owned()].into());
        for (companion, _) in companions.ranked() {
            collector.offer(companion, Reason::AlsoBought).await?;
        }
        self.fill(collector).await
    }

    /// Products that a customer may want next, then popular and new ones. Without a customer, only
    /// the latter.
    pub async fn feed(
        &self,
        user_id: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Recommended>, StoreError> {
        let purchases: Option<Purchases> = match user_id {
            Some(id) => self.store.read(&user_key(id)).await?,
            None => None,
        };
        let purchases = purchases.unwrap_or_default();
        let collector = self.collector(limit, purchases.skus().map(str::to_owned).collect());
        let followed = purchases.skus().take(PURCHASES_FOLLOWED_MAX);
        let collector = self.follow(followed, collector).await?;
        self.fill(collector).await
    }

    /// Products that are bought together with those of a cart, and nothing else.
    pub async fn with_cart(
        &self,
        skus: &BTreeSet<String>,
        limit: usize,
    ) -> Result<Vec<Recommended>, StoreError> {
        let followed = skus.iter().take(CART_FOLLOWED_MAX).map(String::as_str);
        Ok(self.follow(followed, self.collector(limit, skus.clone())).await?.chosen)
    }

    /// Collects what is bought together with these products, most frequent first.
    async fn follow(
        &self,
        skus: impl Iterator<Item = &str> + Send,
        mut collector: Collector<S>,
    ) -> Result<Collector<S>, StoreError> {
        let mut weights: BTreeMap<String, u64> = BTreeMap::new();
        for sku in skus {
            for (companion, orders) in self.companions(sku).await?.ranked() {
                *weights.entry(companion.to_owned()).or_default() += orders;
            }
        }
        for (sku, _) in ranked(weights.iter().map(|(sku, weight)| (sku.as_str(), *weight))) {
            collector.offer(sku, Reason::AlsoBought).await?;
        }
        Ok(collector)
    }

    /// The state of the recommendations.
    pub async fn status(&self) -> Result<Status, StoreError> {
        let products = Products::new(self.store.clone()).all().await?;
        let removed = products.iter().filter(|product| product.removed).count() as u64;
        let freshness = self.store.read(FRESHNESS).await?;
        Ok(Status { products: products.len() as u64 - removed, removed, freshness })
    }

    async fn fill(&self, mut collector: Collector<S>) -> Result<Vec<Recommended>, StoreError> {
        if collector.has_room() {
            let popular: Popular = self.store.read(POPULAR).await?.unwrap_or_default();
            for (sku, _) in popular.ranked() {
                collector.offer(sku, Reason::Popular).await?;
            }
        }
        if collector.has_room() {
            let newest: Newest = self.store.read(NEWEST).await?.unwrap_or_default();
            for sku in newest.skus() {
                collector.offer(sku, Reason::New).await?;
            }
        }
        Ok(collector.chosen)
    }

    async fn companions(&self, sku: &str) -> Result<Companions, StoreError> {
        Ok(self.store.read(&sku_key(sku)).await?.unwrap_or_default())
    }

    fn collector(&self, limit: usize, left_out: BTreeSet<String>) -> Collector<S> {
        let products = Products::new(self.store.clone());
        Collector { products, left_out, limit, chosen: Vec::new() }
    }
}

/// Collects products up to a limit: each once, and none that was removed.
struct Collector<S> {
    products: Products<S>,
    left_out: BTreeSet<String>,
    limit: usize,
    chosen: Vec<Recommended>,
}

impl<S: Store> Collector<S> {
    fn has_room(&self) -> bool {
        self.chosen.len() < self.limit
    }

    async fn offer(&mut self, sku: &str, reason: Reason) -> Result<(), StoreError> {
        if !self.has_room() || self.left_out.contains(sku) {
            return Ok(());
        }
        let product = self.products.find(sku).await?;
        if let Some(product) = product.filter(|product| !product.removed) {
            self.left_out.insert(sku.to_owned());
            self.chosen.push(Recommended { product, reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
