//! The HTTP routes of shipping: parcels for administrators, and sweeps.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource};
use chassis::clock::rfc3339;
use chassis::events::Producer;
use chassis::form::JsonBody;
use chassis::store::Store;
use chassis::{Clock, Problem, Result};
use serde::Serialize;
use serde_json::json;

use crate::domain::{Line, Parcel, Refusal, Status};
use crate::service::{Shipping, SweepReport};

/// The state of the routes.
#[derive(Clone)]
pub struct Api<S, P, C, K> {
    /// The use cases.
    pub shipping: Shipping<S, P, C>,
    /// The keys that verify tokens.
    pub keys: K,
}

chassis::auth_state!(Api<S: Store, P: Producer, C: Clock; K>);

/// A part of an order that travels on its own, with its history.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ShipmentDetails"))]
struct View {
    id: String,
    order_id: String,
    status: Status,
    /// Where it is sent from; null where that was not recorded.
    warehouse: Option<String>,
    courier: String,
    tracking_code: String,
    lines: Vec<Line>,
    /// When the status changed last.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    updated_at: String,
    history: Vec<ChangeView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct ChangeView {
    status: Status,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    at: String,
}

impl View {
    fn new(order_id: String, parcel: Parcel) -> Self {
        let change = |change: &crate::domain::Change| ChangeView {
            status: change.status,
            at: rfc3339(change.at_ms),
        };
        Self {
            status: parcel.status(),
            updated_at: rfc3339(parcel.updated_at_ms()),
            history: parcel.history().iter().map(change).collect(),
            id: parcel.id,
            order_id,
            warehouse: Some(parcel.warehouse).filter(|code| !code.is_empty()),
            courier: parcel.courier,
            tracking_code: parcel.tracking_code,
            lines: parcel.lines,
        }
    }
}

/// `GET /api/v1/shipments/{id}` and `POST /api/v1/shipments/{id}/events`, both for
/// administrators; customers see their shipments in their orders. And `POST /sweep`, which the
/// host calls on a schedule and the gateway does not forward.
pub fn router<S: Store, P: Producer, C: Clock, K: KeySource>(api: Api<S, P, C, K>) -> Router {
    Router::new()
        .route("/api/v1/shipments/{id}", get(Api::<S, P, C, K>::find))
        .route("/api/v1/shipments/{id}/events", post(Api::<S, P, C, K>::report))
        .route("/sweep", post(Api::<S, P, C, K>::sweep))
        .with_state(api)
}

impl<S: Store, P: Producer, C: Clock, K: KeySource> Api<S, P, C, K> {
    async fn find(
        State(api): State<Self>,
        _admin: Admin,
        Path(id): Path<String>,
    ) -> Result<Json<View>> {
        let (order_id, parcel) = api.shipping.find(&id).await.map_err(problem)?;
        Ok(Json(View::new(order_id, parcel)))
    }

    async fn report(
        State(api): State<Self>,
        _admin: Admin,
        Path(id): Path<String>,
        body: JsonBody,
    ) -> Result<Json<View>> {
        let mut fields = body.fields();
        let name = fields.string("status", 1..=20);
        let status = name.clone().and_then(|name| serde_json::from_value(name.into()).ok());
        if name.is_some() && status.is_none() {
            fields.fault("status", "must be in_transit, attempt_failed, delivered or returned");
        }
        fields.finish()?;
        let status = status.ok_or_else(Problem::internal)?;
        let (order_id, parcel) = api.shipping.report(&id, status).await.map_err(problem)?;
        Ok(Json(View::new(order_id, parcel)))
    }

    async fn sweep(State(api): State<Self>) -> Result<Json<SweepReport>> {
        Ok(Json(api.shipping.sweep().await.map_err(problem)?))
    }
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound => Problem::not_found("There is no such shipment."),
        Refusal::WrongStatus(from, to) => {
            let name = |status: Status| json!(status).as_str().unwrap_or_default().to_owned();
            let (from, to) = (name(from), name(to));
            Problem::conflict(format!(
                "The status of this shipment can't change from {from} to {to}."
            ))
        }
        Refusal::TooLate | Refusal::Cancelled => Problem::conflict("The shipment has ended."),
        Refusal::Invalid(reason) => Problem::bad_request(reason),
        Refusal::Unavailable(reason) => {
            eprintln!("shipping: {reason}");
            Problem::unavailable("Shipping is temporarily unavailable.", 1)
        }
    }
}

#[cfg(test)]
mod api;
