//! What an order costs, as JSON over HTTP.

use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

/// One line of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) lines: Vec<Line>,
}

/// What it costs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) cents: u64,
}

pub(crate) fn router() -> Router {
    Router::new().route("/total", post(async |Json(order): Json<Order>| Json(total(&order))))
}

/// What the function `price` computes.
pub(crate) fn total(order: &Order) -> Total {
    let line = |sku: &str, quantity: u32| sku.len() as u64 * 100 * u64::from(quantity);
    Total { cents: order.lines.iter().map(|of| line(&of.sku, of.quantity)).sum() }
}
