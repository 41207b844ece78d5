//! The adapters to the host: the contract, the store, the stock of inventory.

use std::sync::LazyLock;

use axum::Router;
use bindings::exports::shop::catalog::products::{Error, Guest, Product};
use bindings::shop::inventory::stock;
use chassis::store::{SpinStore, StoreError};

use crate::domain;
use crate::ports::{Stock, StockUnknown};
use crate::records::Memo;
use crate::service::{BATCH_MAX, Catalog};

contracts::function!("catalog");

/// The shards that this instance has parsed.
static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let routes = crate::routes::router(catalog(store.clone()), bindings::IdentityKeys);
    Ok(bindings::complete(routes, store))
}

fn catalog(store: SpinStore) -> Catalog<SpinStore, Inventory, bindings::EventProducer> {
    Catalog::new(store, Inventory, bindings::EventProducer, MEMO.clone())
}

impl Guest for Component {
    async fn get_many(skus: Vec<String>) -> Result<Vec<Product>, Error> {
        if skus.len() > BATCH_MAX {
            return Err(Error::TooMany(format!("{} SKUs; at most {BATCH_MAX}", skus.len())));
        }
        let unavailable = |error: StoreError| Error::Unavailable(error.to_string());
        let store = bindings::store().map_err(unavailable)?;
        let found = catalog(store).get_many(&skus).await.map_err(unavailable)?;
        Ok(found.into_iter().map(Product::from).collect())
    }
}

impl From<domain::Product> for Product {
    fn from(product: domain::Product) -> Self {
        let image = product.image();
        let domain::Details { name, description, category, price } = product.details;
        let price = bindings::exports::shop::catalog::products::Money {
            amount: price.amount,
            currency: price.currency,
        };
        let (sku, updated_at) = (product.sku, product.updated_at);
        Product { sku, name, description, category, price, image, updated_at }
    }
}

/// The contract `shop:inventory/stock`.
#[derive(Clone, Copy)]
struct Inventory;

impl Stock for Inventory {
    async fn available(&self, skus: Vec<String>) -> Result<Vec<(String, u32)>, StockUnknown> {
        match stock::available(skus).await {
            Ok(found) => Ok(found.into_iter().map(|entry| (entry.sku, entry.available)).collect()),
            Err(error) => Err(StockUnknown(error.to_string())),
        }
    }
}
