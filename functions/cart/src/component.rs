//! The adapters to the host: the contract, the store, the catalog.

use axum::Router;
use bindings::exports::shop::cart::carts::{Cart, Error, Guest, Line};
use bindings::shop::catalog::products;
use chassis::SystemClock;
use chassis::money::Money;
use chassis::store::{SpinStore, StoreError};

use crate::domain::{Product, Refused};
use crate::ports::{Products, Unavailable};
use crate::service::{self, Carts};

contracts::function!("cart");

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let routes = crate::routes::router(carts(store.clone()), bindings::IdentityKeys);
    Ok(bindings::complete(routes, store))
}

fn carts(store: SpinStore) -> Carts<SpinStore, Catalog, SystemClock> {
    Carts::new(store, Catalog, SystemClock)
}

impl Guest for Component {
    async fn get(user_id: String) -> Result<Cart, Error> {
        let unavailable = |error: StoreError| Error::Unavailable(error.to_string());
        let store = bindings::store().map_err(unavailable)?;
        let cart = carts(store).get(&user_id).await.map_err(unavailable)?;
        let line = |line: crate::domain::Line| Line { sku: line.sku, quantity: line.quantity };
        Ok(Cart { version: cart.version, lines: cart.lines.into_iter().map(line).collect() })
    }

    async fn clear(user_id: String, version: u64) -> Result<(), Error> {
        let store = bindings::store().map_err(|error| Error::Unavailable(error.to_string()))?;
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
