//! A catalog for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use chassis::money::Money;

use crate::domain::Product;
use crate::ports::{Products, Unavailable};

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// Has all products whose SKU begins with `SKU-`, while it responds.
#[derive(Clone)]
pub(crate) struct Shelf {
    amount: i64,
    silent: Arc<AtomicBool>,
}

/// A catalog in which each product has this price.
pub(crate) fn shelf_at(amount: i64) -> Shelf {
    Shelf { amount, silent: Arc::default() }
}

impl Shelf {
    /// Whether calls fail from now on.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, SeqCst);
    }
}

impl Products for Shelf {
    async fn get_many(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        if self.silent.load(SeqCst) {
            return Err(Unavailable("no response".to_owned()));
        }
        assert!(skus.len() <= 100, "the contract takes 100 SKUs");
        // In another order than the cart.
        let known = skus.into_iter().rev().filter(|sku| sku.starts_with("SKU-"));
        let price = Money::new(self.amount, "EUR");
        let product =
            |sku: String| Product { name: format!("The {sku}"), price: price.clone(), sku };
        Ok(known.map(product).collect())
    }
}
