//! What is learned from events, and what is recommended.
//!
//! ```text
//! sku/<sku>          what was bought together with the product, and how many orders had it
//! popular            the products that most orders had
//! user/<id>          what the customer has bought; null after the account was deleted
//! order/<id>         the order is in all of the above
//! products/<shard>   the local copy of the catalogue
//! newest             the products that were heard of last
//! freshness          when the newest event happened, and when it came
//! ```

mod learn;

pub use learn::Refused;

use std::collections::{BTreeMap, BTreeSet};

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Companions, Newest, Popular, Product, Purchases};
use crate::records::Catalogue;

/// Of the customer's purchases, how many lead to recommendations: the last ones.
pub const PURCHASES_FOLLOWED_MAX: usize = 20;

const POPULAR: &str = "popular";
const NEWEST: &str = "newest";
const FRESHNESS: &str = "freshness";

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

/// A product and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommended {
    /// From the local copy of the catalogue.
    pub product: Product,
    /// Why.
    pub reason: Reason,
}

/// When the newest event happened and when it came, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// When it happened.
    pub event_at_ms: u64,
    /// When it was taken in.
    pub received_at_ms: u64,
}

/// How the recommendations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Products of the local copy of the catalogue.
    pub products: u64,
    /// Products that are gone.
    pub removed: u64,
    /// None before the first event.
    pub freshness: Option<Freshness>,
}

impl<S: Store> Recommendations<S> {
    /// The recommendations in `store`.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// What is bought together with a product, filled up with what is popular or new.
    pub async fn also_bought(
        &self,
        sku: &str,
        limit: usize,
    ) -> Result<Vec<Recommended>, StoreError> {
        let companions = self.companions(sku).await?;
        let mut shelf = self.shelf(limit, [sku.to_owned()].into());
        for (companion, _) in companions.ranked() {
            shelf.offer(companion, Reason::AlsoBought).await?;
        }
        self.fill(shelf).await
    }

    /// What a customer may want next; what is popular or new for nobody in particular.
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
        let mut weights: BTreeMap<String, u64> = BTreeMap::new();
        for sku in purchases.skus().take(PURCHASES_FOLLOWED_MAX) {
            for (companion, orders) in self.companions(sku).await?.ranked() {
                *weights.entry(companion.to_owned()).or_default() += orders;
            }
        }
        let mut ranked: Vec<(String, u64)> = weights.into_iter().collect();
        ranked.sort_by(|(sku, weight), (other, that)| (that, sku).cmp(&(weight, other)));
        let mut shelf = self.shelf(limit, purchases.skus().map(str::to_owned).collect());
        for (sku, _) in ranked {
            shelf.offer(&sku, Reason::AlsoBought).await?;
        }
        self.fill(shelf).await
    }

    /// How the recommendations are.
    pub async fn status(&self) -> Result<Status, StoreError> {
        let products = Catalogue::new(self.store.clone()).all().await?;
        let removed = products.iter().filter(|product| product.removed).count() as u64;
        let freshness = self.store.read(FRESHNESS).await?;
        Ok(Status { products: products.len() as u64 - removed, removed, freshness })
    }

    async fn fill(&self, mut shelf: Shelf<S>) -> Result<Vec<Recommended>, StoreError> {
        if shelf.has_room() {
            let popular: Popular = self.store.read(POPULAR).await?.unwrap_or_default();
            for (sku, _) in popular.ranked() {
                shelf.offer(sku, Reason::Popular).await?;
            }
        }
        if shelf.has_room() {
            let newest: Newest = self.store.read(NEWEST).await?.unwrap_or_default();
            for sku in newest.skus() {
                shelf.offer(sku, Reason::New).await?;
            }
        }
        Ok(shelf.chosen)
    }

    async fn companions(&self, sku: &str) -> Result<Companions, StoreError> {
        Ok(self.store.read(&sku_key(sku)).await?.unwrap_or_default())
    }

    fn shelf(&self, limit: usize, left_out: BTreeSet<String>) -> Shelf<S> {
        let catalogue = Catalogue::new(self.store.clone());
        Shelf { catalogue, left_out, limit, chosen: Vec::new() }
    }
}

/// Takes products until it is full: each once, and none that is gone.
struct Shelf<S> {
    catalogue: Catalogue<S>,
    left_out: BTreeSet<String>,
    limit: usize,
    chosen: Vec<Recommended>,
}

impl<S: Store> Shelf<S> {
    fn has_room(&self) -> bool {
        self.chosen.len() < self.limit
    }

    async fn offer(&mut self, sku: &str, reason: Reason) -> Result<(), StoreError> {
        if !self.has_room() || self.left_out.contains(sku) {
            return Ok(());
        }
        let product = self.catalogue.find(sku).await?;
        if let Some(product) = product.filter(|product| !product.removed) {
            self.left_out.insert(sku.to_owned());
            self.chosen.push(Recommended { product, reason });
        }
        Ok(())
    }
}

fn sku_key(sku: &str) -> String {
    format!("sku/{sku}")
}

fn user_key(user_id: &str) -> String {
    format!("user/{user_id}")
}

fn order_key(order_id: &str) -> String {
    format!("order/{order_id}")
}

#[cfg(test)]
mod tests;
