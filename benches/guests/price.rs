//! The callee: what an order costs. Its contract is `benches/wit/price`.
#![cfg(target_family = "wasm")]

use bindings::exports::bench::price::prices::{Error, Guest, Order};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

contracts::function!("price");

struct Component;

/// For hosts that can't link the contract: `/rpc` routes.
#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    chassis::app::serve(Ok(chassis::rpc::router(bindings::dispatch)), request).await
}

impl Guest for Component {
    async fn total(order: Order) -> Result<u64, Error> {
        // Something that depends on all of the argument.
        let line = |sku: &str, quantity: u32| sku.len() as u64 * 100 * u64::from(quantity);
        Ok(order.lines.iter().map(|of| line(&of.sku, of.quantity)).sum())
    }
}
