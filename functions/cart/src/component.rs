//! The adapters to the host: the contract, the store, the catalog.

use axum::Router;
use bindings::exports::shop::cart::carts::{Cart, Error, Guest, Line};
use bindings::shop::catalog::products;
use chassis::SystemClock;
use chassis::app::{Kept, readiness, router_with_problems, serve};
use chassis::money::Money;
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{Product, Refused};
use crate::ports::{Products, Unavailable};
use crate::service::{self, Carts};

contracts::function!("cart");

struct Component;

/// Serves all requests of this instance.
static ROUTER: Kept = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(ROUTER.router((), |()| router()), request).await
}

fn router() -> chassis::Result<Router> {
    let store = open()?;
    let routes = crate::routes::router(carts(store.clone()), bindings::IdentityKeys)
        .merge(chassis::rpc::router(bindings::dispatch))
        .merge(readiness(store));
    Ok(router_with_problems(routes))
}

fn open() -> Result<SpinStore, StoreError> {
    SpinStore::open("cart")
}

fn carts(store: SpinStore) -> Carts<SpinStore, Catalog, SystemClock> {
    Carts::new(store, Catalog, SystemClock)
}

impl Guest for Component {
    async fn get(user_id: String) -> Result<Cart, Error> {
        let unavailable = |error: StoreError| Error::Unavailable(error.to_string());
        let store = open().map_err(unavailable)?;
        let cart = carts(store).get(&user_id).await.map_err(unavailable)?;
        let line = |line: crate::domain::Line| Line { sku: line.sku, quantity: line.quantity };
        Ok(Cart { version: cart.version, lines: cart.lines.into_iter().map(line).collect() })
    }

    async fn clear(user_id: String, version: u64) -> Result<(), Error> {
        let store = open().map_err(|error| Error::Unavailable(error.to_string()))?;
        carts(store).clear_at(&user_id, version).await.map_err(|error| match error {
            service::Error::Refused(Refused::Changed { .. }) => {
                Error::Conflict(format!("the cart is not at version {version}"))
            }
            other => Error::Unavailable(format!("{other:?}")),
        })
    }
}

/// The contract `shop:catalog/products`.
#[derive(Clone, Copy)]
struct Catalog;

impl Products for Catalog {
    async fn get_many(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        match products::get_many(skus).await {
            Ok(found) => Ok(found.into_iter().map(Product::from).collect()),
            Err(error) => Err(Unavailable(error.to_string())),
        }
    }
}

impl From<products::Product> for Product {
    fn from(product: products::Product) -> Self {
        let price = Money::new(product.price.amount, product.price.currency);
        Product { sku: product.sku, name: product.name, price }
    }
}
