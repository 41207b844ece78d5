//! The HTTP routes, for administrators.

use crate::domain::{Levels, Refusal};
use crate::service::{Inventory, Swept};
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::clock::now_ms;
use chassis::form::JsonBody;
use chassis::problem::{Problem, Result};
use chassis::store::Store;
use serde::Serialize;

/// The state of the routes.
#[derive(Clone, Debug)]
pub struct App<S, K> {
    /// The use cases.
    pub inventory: Inventory<S>,
    /// The keys that verify tokens.
    pub keys: K,
}

impl<S: Store, K: KeySource> AuthState for App<S, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// The stock of a product, in pieces.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Stock"))]
struct StockView {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    sku: String,
    #[serde(flatten)]
    levels: Levels,
}

/// `GET` and `PUT /api/v1/inventory/{sku}`; and `POST /sweep`, which the host calls on a
/// schedule and the gateway does not forward.
pub fn router<S: Store, K: KeySource>(app: App<S, K>) -> Router {
    Router::new()
        .route("/api/v1/inventory/{sku}", get(show::<S, K>).put(receive::<S, K>))
        .route("/sweep", post(sweep::<S, K>))
        .with_state(app)
}

async fn show<S: Store, K: KeySource>(
    State(app): State<App<S, K>>,
    _: Admin,
    Path(sku): Path<String>,
) -> Result<Json<StockView>> {
    match app.inventory.levels(&sku, now_ms()).await.map_err(problem)? {
        Some(levels) => Ok(Json(StockView { sku, levels })),
        None => Err(Problem::not_found(format!("No pieces of {sku} were ever received."))),
    }
}

async fn receive<S: Store, K: KeySource>(
    State(app): State<App<S, K>>,
    _: Admin,
    Path(sku): Path<String>,
    body: JsonBody,
) -> Result<Json<StockView>> {
    let mut fields = body.fields();
    let received = fields.integer("received", 0..=u32::MAX);
    fields.finish()?;
    let received = received.ok_or_else(Problem::internal)?;
    let levels = app.inventory.receive(&sku, received, now_ms()).await.map_err(problem)?;
    Ok(Json(StockView { sku, levels }))
}

async fn sweep<S: Store, K: KeySource>(State(app): State<App<S, K>>) -> Result<Json<Swept>> {
    Ok(Json(app.inventory.sweep(now_ms()).await.map_err(problem)?))
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Invalid(detail) => Problem::bad_request(detail),
        Refusal::Conflict(detail) => Problem::conflict(detail),
        Refusal::Unavailable(detail) => {
            eprintln!("inventory: {detail}");
            Problem::unavailable("Inventory is temporarily unavailable.", 1)
        }
        other => {
            eprintln!("inventory: unexpected: {other:?}");
            Problem::internal()
        }
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
