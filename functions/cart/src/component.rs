//! The cart as a component: the contract, the store, the catalogue's products.

use axum::response::IntoResponse as _;
use bindings::exports::shop::cart::carts::{Cart, Error, Guest, Line};
use bindings::shop::catalog::products;
use chassis::money::Money;
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::Refused;
use crate::ports::{Product, Products, Unavailable};
use crate::service::{self, Carts};

contracts::function!("cart");

struct Component;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let routes = match carts() {
        Ok(carts) => crate::routes::router(carts, bindings::IdentityKeys),
        Err(error) => return chassis::Problem::from(error).into_response(),
    };
    let router = routes.merge(chassis::rpc::router(bindings::dispatch));
    chassis::app::serve(chassis::app::router_with_problems(router), request).await
}

impl Guest for Component {
    async fn get(user_id: String) -> Result<Cart, Error> {
        let unavailable = |error: StoreError| Error::Unavailable(error.to_string());
        let cart = carts().map_err(unavailable)?.get(&user_id).await.map_err(unavailable)?;
        let line = |line: crate::domain::Line| Line { sku: line.sku, quantity: line.quantity };
        Ok(Cart { version: cart.version, lines: cart.lines.into_iter().map(line).collect() })
    }

    async fn clear(user_id: String, version: u64) -> Result<(), Error> {
        let carts = carts().map_err(|error| Error::Unavailable(error.to_string()))?;
        carts.clear_at(&user_id, version).await.map_err(|error| match error {
            service::Error::Refused(Refused::Changed) => {
                Error::Conflict(format!("the cart is not at version {version}"))
            }
            other => Error::Unavailable(format!("{other:?}")),
        })
    }
}

fn carts() -> Result<Carts<SpinStore, Catalog>, StoreError> {
    Ok(Carts::new(SpinStore::open("cart")?, Catalog))
}

/// Products as the contract `shop:catalog/products` tells them.
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
