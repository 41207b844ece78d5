//! The component: the contract `shop:inventory/stock` and the HTTP routes over one service,
//! joined to the host's store and to the keys of `shop:identity`.

use axum::Router;
use bindings::exports::shop::inventory::stock as contract;
use chassis::app::{readiness, router_with_problems, serve};
use chassis::clock::now_ms;
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{Availability, Line, Refusal};
use crate::routes::App;
use crate::service::Inventory;

contracts::function!("inventory");

struct Component;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(router(), request).await
}

fn router() -> chassis::Result<Router> {
    let store = open()?;
    let app = App { inventory: Inventory::new(store.clone()), keys: bindings::IdentityKeys };
    let routes = crate::routes::router(app)
        .merge(chassis::rpc::router(bindings::dispatch))
        .merge(readiness(store));
    Ok(router_with_problems(routes))
}

fn open() -> Result<SpinStore, StoreError> {
    SpinStore::open("inventory")
}

/// The service for one call of the contract.
fn inventory() -> Result<Inventory<SpinStore>, contract::Error> {
    open().map(Inventory::new).map_err(|error| Refusal::from(error).into())
}

impl contract::Guest for Component {
    async fn available(skus: Vec<String>) -> Result<Vec<contract::Availability>, contract::Error> {
        let available = inventory()?.available(&skus, now_ms()).await?;
        Ok(available.into_iter().map(Into::into).collect())
    }

    async fn reserve(
        id: String,
        lines: Vec<contract::Line>,
        ttl_ms: u64,
    ) -> Result<contract::Reservation, contract::Error> {
        let lines: Vec<Line> = lines.into_iter().map(Into::into).collect();
        let reservation = inventory()?.reserve(&id, &lines, ttl_ms, now_ms()).await?;
        Ok(contract::Reservation {
            id: reservation.id,
            lines: reservation.lines.into_iter().map(Into::into).collect(),
            expires_at: reservation.expires_at_ms,
        })
    }

    async fn commit(id: String) -> Result<(), contract::Error> {
        Ok(inventory()?.commit(&id, now_ms()).await?)
    }

    async fn release(id: String) -> Result<(), contract::Error> {
        Ok(inventory()?.release(&id).await?)
    }

    async fn take_back(id: String) -> Result<(), contract::Error> {
        Ok(inventory()?.take_back(&id, now_ms()).await?)
    }
}

impl From<Refusal> for contract::Error {
    fn from(refusal: Refusal) -> contract::Error {
        match refusal {
            Refusal::OutOfStock(short) => {
                contract::Error::OutOfStock(short.into_iter().map(Into::into).collect())
            }
            Refusal::NotFound(text) => contract::Error::NotFound(text),
            Refusal::Expired(text) => contract::Error::Expired(text),
            Refusal::Committed(text) => contract::Error::Committed(text),
            Refusal::Conflict(text) => contract::Error::Conflict(text),
            Refusal::Invalid(text) => contract::Error::Invalid(text),
            Refusal::Unavailable(text) => contract::Error::Unavailable(text),
        }
    }
}

impl From<Availability> for contract::Availability {
    fn from(Availability { sku, available }: Availability) -> contract::Availability {
        contract::Availability { sku, available }
    }
}

impl From<Line> for contract::Line {
    fn from(Line { sku, quantity }: Line) -> contract::Line {
        contract::Line { sku, quantity }
    }
}

impl From<contract::Line> for Line {
    fn from(contract::Line { sku, quantity }: contract::Line) -> Line {
        Line { sku, quantity }
    }
}
