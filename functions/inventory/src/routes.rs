//! The HTTP routes, for administrators.

use crate::domain::{Levels, Refusal};
use crate::service::{Inventory, Swept};
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource};
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

chassis::auth_state!(App<S: Store; K>);

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
        .route("/api/v1/inventory/{sku}", get(App::<S, K>::show).put(App::<S, K>::receive))
        .route("/sweep", post(App::<S, K>::sweep))
        .with_state(app)
}

impl<S: Store, K: KeySource> App<S, K> {
    async fn show(
        State(app): State<Self>,
        _: Admin,
        Path(sku): Path<String>,
    ) -> Result<Json<StockView>> {
        match app.inventory.levels(&sku, now_ms()).await.map_err(problem)? {
            Some(levels) => Ok(Json(StockView { sku, levels })),
            None => Err(Problem::not_found(format!("No pieces of {sku} were ever received."))),
        }
    }

    async fn receive(
        State(app): State<Self>,
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

    async fn sweep(State(app): State<Self>) -> Result<Json<Swept>> {
        Ok(Json(app.inventory.sweep(now_ms()).await.map_err(problem)?))
    }
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
