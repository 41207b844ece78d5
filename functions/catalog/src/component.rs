//! The adapters to the host: the contract, the store, the stock of inventory.

use std::sync::LazyLock;

use axum::Router;
use bindings::exports::shop::catalog::products::{Error, Guest, Product};
use bindings::shop::inventory::stock;
use chassis::app::{Kept, readiness, router_with_problems, serve};
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain;
use crate::ports::{Stock, StockUnknown};
use crate::records::Memo;
use crate::service::{BATCH_MAX, Catalog};

contracts::function!("catalog");

/// The shards that this instance has parsed.
static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

struct Component;

/// Serves all requests of this instance.
static ROUTER: Kept = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(ROUTER.router((), |()| router()), request).await
}

fn router() -> chassis::Result<Router> {
    let store = open()?;
    let routes = crate::routes::router(catalog(store.clone()), bindings::IdentityKeys)
        .merge(chassis::rpc::router(bindings::dispatch))
        .merge(readiness(store));
    Ok(router_with_problems(routes))
}

fn open() -> Result<SpinStore, StoreError> {
    SpinStore::open("catalog")
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
        let store = open().map_err(unavailable)?;
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
