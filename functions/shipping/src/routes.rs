//! The HTTP side of shipping: couriers report here.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::clock::rfc3339;
use chassis::form::JsonBody;
use chassis::store::Store;
use chassis::{Problem, Result};
use serde::Serialize;

use crate::domain::{Line, Parcel, Status};
use crate::service::{Refusal, Shipping};

/// What the routes work with.
#[derive(Clone)]
pub struct Api<S, K> {
    /// The use cases.
    pub shipping: Shipping<S>,
    /// The keys that callers' tokens are checked with.
    pub keys: K,
}

impl<S: Store, K: KeySource> AuthState for Api<S, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// A parcel on the wire.
#[derive(Serialize)]
struct View {
    id: String,
    status: Status,
    courier: String,
    tracking_code: String,
    lines: Vec<Line>,
    /// RFC 3339, UTC.
    updated_at: String,
    history: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    status: Status,
    /// RFC 3339, UTC.
    at: String,
}

impl From<Parcel> for View {
    fn from(parcel: Parcel) -> Self {
        let change = |change: &crate::domain::Change| ChangeView {
            status: change.status,
            at: rfc3339(change.at_ms),
        };
        Self {
            status: parcel.status(),
            updated_at: rfc3339(parcel.updated_at_ms()),
            history: parcel.history().iter().map(change).collect(),
            id: parcel.id,
            courier: parcel.courier,
            tracking_code: parcel.tracking_code,
            lines: parcel.lines,
        }
    }
}

/// `GET /api/v1/shipments/{id}` and `POST /api/v1/shipments/{id}/events`, both for
/// administrators; customers see their shipments through their orders.
pub fn router<S: Store, K: KeySource>(api: Api<S, K>) -> Router {
    Router::new()
        .route("/api/v1/shipments/{id}", get(find::<S, K>))
        .route("/api/v1/shipments/{id}/events", post(report::<S, K>))
        .with_state(api)
}

async fn find<S: Store, K: KeySource>(
    State(api): State<Api<S, K>>,
    _admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<View>> {
    let (_, parcel) = api.shipping.find(&id).await.map_err(problem)?;
    Ok(Json(parcel.into()))
}

async fn report<S: Store, K: KeySource>(
    State(api): State<Api<S, K>>,
    _admin: Admin,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<View>> {
    let mut fields = body.fields();
    let name = fields.string("status", 1..=20);
    let status = name.as_deref().and_then(Status::parse);
    if name.is_some() && status.is_none() {
        fields.fault("status", "must be created, in_transit, delivered or cancelled");
    }
    fields.finish()?;
    let status = status.ok_or_else(Problem::internal)?;
    let parcel = api.shipping.report(&id, status).await.map_err(problem)?;
    Ok(Json(parcel.into()))
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound => Problem::not_found("There is no such shipment."),
        Refusal::WrongStatus(from, to) => {
            Problem::conflict(format!("A shipment does not go from {from:?} to {to:?}."))
        }
        Refusal::TooLate | Refusal::Cancelled => Problem::conflict("The shipment has ended."),
        Refusal::Invalid(reason) => Problem::bad_request(reason),
        Refusal::Unavailable(reason) => {
            eprintln!("shipping: {reason}");
            Problem::unavailable("Shipments can't be reached.", 1)
        }
    }
}
