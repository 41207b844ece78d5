//! Routes for other components of the application, while parts of this shop are replaced.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::Answer;
use super::body::Body;
use crate::domain::{Message, Order};
use crate::ports::Ports;
use crate::service::{Account, Past, Progress, SweepReport};

pub(super) fn routes<P: Ports>() -> Router<Api<P>> {
    Router::new()
        .route("/internal/users/{customer}", get(account::<P>))
        .route("/internal/references/{customer}/{reference}", get(referenced::<P>))
        .route("/internal/messages", post(send::<P>))
        .route("/internal/copies/orders", put(copy_order::<P>))
        .route("/internal/copies/messages", put(copy_message::<P>))
        .route("/internal/past", post(publish_past::<P>))
        .route("/sweep", post(sweep::<P>))
}

/// An order of another system.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderCopy {
    customer: u64,
    sequence: u64,
    order: Order,
}

async fn account<P: Ports>(
    State(api): State<Api<P>>,
    Path(customer): Path<u64>,
) -> Answer<Json<Account>> {
    Ok(Json(api.legacy.account(customer).await?))
}

async fn referenced<P: Ports>(
    State(api): State<Api<P>>,
    Path((customer, reference)): Path<(u64, String)>,
) -> Answer<Json<Value>> {
    let number = api.legacy.referenced(customer, &reference).await?;
    Ok(Json(json!({ "order": number })))
}

async fn send<P: Ports>(
    State(api): State<Api<P>>,
    Body(message): Body<Message>,
) -> Answer<StatusCode> {
    api.legacy.send(&message).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn copy_order<P: Ports>(
    State(api): State<Api<P>>,
    Body(copy): Body<OrderCopy>,
) -> Answer<StatusCode> {
    api.legacy.copy_order(copy.customer, &copy.order, copy.sequence).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn copy_message<P: Ports>(
    State(api): State<Api<P>>,
    Body(message): Body<Message>,
) -> Answer<StatusCode> {
    api.legacy.copy_message(&message).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn publish_past<P: Ports>(
    State(api): State<Api<P>>,
    Body(from): Body<Progress>,
) -> Answer<Json<Past>> {
    Ok(Json(api.legacy.publish_past(from).await?))
}

async fn sweep<P: Ports>(State(api): State<Api<P>>) -> Answer<Json<SweepReport>> {
    Ok(Json(api.legacy.sweep().await?))
}
