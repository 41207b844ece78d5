//! The component: the contract `shop:inventory/stock` and the HTTP routes over one service,
//! joined to the host's store and to the keys of `shop:identity`.

use crate::domain::{Availability, Line, Refusal};
use crate::routes::{App, router};
use crate::service::Inventory;
use axum::response::{IntoResponse, Response};
use bindings::exports::shop::inventory::stock as contract;
use chassis::Problem;
use chassis::app::{router_with_problems, serve};
use chassis::clock::now_ms;
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::Request;
use spin_sdk::http_service;

contracts::function!("inventory");

/// The label of the store, which is the component's id.
const STORE: &str = "inventory";

#[http_service]
async fn handle(request: Request) -> Response {
    let inventory = match inventory() {
        Ok(inventory) => inventory,
        Err(error) => return Problem::from(error).into_response(),
    };
    let routes = router(App { inventory, keys: bindings::IdentityKeys });
    let routes = routes.merge(chassis::rpc::router(bindings::dispatch));
    serve(router_with_problems(routes), request).await
}

fn inventory() -> Result<Inventory<SpinStore>, StoreError> {
    SpinStore::open(STORE).map(Inventory::new)
}

struct Component;

impl contract::Guest for Component {
    async fn available(skus: Vec<String>) -> Result<Vec<contract::Availability>, contract::Error> {
        let available = open()?.available(&skus, now_ms()).await?;
        Ok(available.into_iter().map(Into::into).collect())
    }

    async fn reserve(
        id: String,
        lines: Vec<contract::Line>,
        ttl_ms: u64,
    ) -> Result<contract::Reservation, contract::Error> {
        let lines: Vec<Line> = lines.into_iter().map(Into::into).collect();
        let reservation = open()?.reserve(&id, &lines, ttl_ms, now_ms()).await?;
        Ok(contract::Reservation {
            id: reservation.id,
            lines: reservation.lines.into_iter().map(Into::into).collect(),
            expires_at: reservation.expires_at_ms,
        })
    }

    async fn commit(id: String) -> Result<(), contract::Error> {
        Ok(open()?.commit(&id, now_ms()).await?)
    }

    async fn release(id: String) -> Result<(), contract::Error> {
        Ok(open()?.release(&id).await?)
    }

    async fn take_back(id: String) -> Result<(), contract::Error> {
        Ok(open()?.take_back(&id, now_ms()).await?)
    }
}

fn open() -> Result<Inventory<SpinStore>, contract::Error> {
    inventory().map_err(|error| Refusal::from(error).into())
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
