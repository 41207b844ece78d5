//! The caller: asks `price`, through the contract, what an order of two lines costs. `/fan-out`
//! asks eight times at once.
#![cfg(target_family = "wasm")]

use bindings::bench::price::prices::{Error, Line, Order, total};
use futures::future::try_join_all;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

contracts::function!("quote");

/// Calls at once.
const FAN_OUT: usize = 8;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let quoted = match request.uri().path() {
        "/fan-out" => try_join_all((0..FAN_OUT).map(|_| total(order()))).await,
        _ => total(order()).await.map(|cents| vec![cents]),
    };
    match quoted {
        Ok(cents) => (StatusCode::OK, cents.iter().sum::<u64>().to_string()),
        Err(Error::Unavailable(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

fn order() -> Order {
    let line = |sku: &str, quantity| Line { sku: sku.to_owned(), quantity };
    let lines = vec![line("espresso-cup", 2), line("saucer", 4)];
    Order { id: "ord_019a9c4e".to_owned(), lines }
}
