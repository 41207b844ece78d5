//! The HTTP interface: `/legacy/api` for the clients of the older shop, `/facade` for operators, and
//! `/events` and `/sweep` for the platform, which no public route leads to.

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use chassis::events::Received;
use chassis::form::{BODY_BYTES_MAX, JsonBody, read_limited};
use chassis::{Problem, Result};
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::domain::{Family, Mode};
use crate::ports::Ports;
use crate::service::{CarryError, EventError, Facade, ModeError, StoredModes};

/// The state of the routes.
#[derive(Clone)]
pub struct Api<P: Ports> {
    /// The use cases.
    pub facade: Facade<P>,
    /// The modes, for operators.
    pub modes: StoredModes<P::Store>,
    /// The bearer token of operators; empty for no access.
    pub token: String,
}

/// All routes.
pub fn router<P: Ports>(api: Api<P>) -> Router {
    Router::new()
        .route("/legacy/api/{*rest}", any(answer::<P>))
        .route("/facade/status", get(status::<P>))
        .route("/facade/modes/{family}", put(set_mode::<P>))
        .route("/facade/findings", delete(forget::<P>))
        .route("/facade/past", post(publish_past::<P>))
        .route("/facade/articles", post(carry_articles::<P>))
        .route("/events", post(receive::<P>))
        .route("/sweep", post(sweep::<P>))
        .with_state(api)
}

/// An operator. As an extractor: 401 without the token.
struct Operator;

impl<P: Ports> FromRequestParts<Api<P>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api<P>) -> Result<Self> {
        let sent = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        match !api.token.is_empty() && bool::from(sent.as_bytes().ct_eq(api.token.as_bytes())) {
            true => Ok(Operator),
            false => Err(Problem::unauthorized("Send the variable facade_token as bearer token.")),
        }
    }
}

async fn answer<P: Ports>(State(api): State<Api<P>>, request: Request) -> Result<Response> {
    let (head, body) = request.into_parts();
    let body: Bytes = read_limited(body, BODY_BYTES_MAX).await?;
    let answered = api.facade.answer(&http::Request::from_parts(head, body)).await;
    Ok(answered.map(Body::from).into_response())
}

async fn status<P: Ports>(State(api): State<Api<P>>, _: Operator) -> Result<Json<Value>> {
    let mut families = serde_json::Map::new();
    for (family, mode) in api.modes.all().await? {
        let mut shown = json!(mode);
        if family.has_shadow() {
            shown["compared"] = json!(api.facade.counts(family).await?);
        }
        families.insert(family.name().to_owned(), shown);
    }
    Ok(Json(json!({"families": families, "findings": api.facade.findings().await?})))
}

async fn set_mode<P: Ports>(
    State(api): State<Api<P>>,
    _: Operator,
    Path(family): Path<String>,
    body: JsonBody,
) -> Result<Json<Mode>> {
    let no_family = |_| Problem::not_found(format!("There is no family {family:?}."));
    let family: Family = family.parse().map_err(no_family)?;
    let mode: Mode = serde_json::from_value(body.0).map_err(|error| {
        Problem::bad_request(format!(
            "A mode is {{\"mode\": \"legacy\"}}, shadow, new, or percent with a number: {error}."
        ))
    })?;
    match api.modes.set(family, mode).await {
        Ok(()) => Ok(Json(mode)),
        Err(ModeError::Invalid(detail)) => Err(Problem::bad_request(detail)),
        Err(ModeError::Store(error)) => Err(error.into()),
    }
}

async fn forget<P: Ports>(State(api): State<Api<P>>, _: Operator) -> Result<StatusCode> {
    api.facade.forget_findings().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn publish_past<P: Ports>(
    State(api): State<Api<P>>,
    _: Operator,
    body: JsonBody,
) -> Result<Json<Value>> {
    Ok(Json(api.facade.publish_past(&body.0).await.map_err(not_carried)?))
}

async fn carry_articles<P: Ports>(State(api): State<Api<P>>, _: Operator) -> Result<Json<Value>> {
    let articles = api.facade.carry_articles().await.map_err(not_carried)?;
    Ok(Json(json!({ "articles": articles })))
}

async fn receive<P: Ports>(
    State(api): State<Api<P>>,
    Received(events): Received,
) -> Result<StatusCode> {
    for event in &events {
        api.facade.handle(event).await.map_err(not_handled)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn sweep<P: Ports>(State(api): State<Api<P>>) -> Result<Json<Value>> {
    Ok(Json(json!({ "removed": api.facade.sweep().await? })))
}

fn not_carried(error: CarryError) -> Problem {
    eprintln!("facade: {error}");
    match error {
        CarryError::Unavailable(_) => Problem::unavailable("A side does not respond.", 1),
        CarryError::Refused(detail) => Problem::conflict(detail),
    }
}

fn not_handled(error: EventError) -> Problem {
    eprintln!("facade: {error}");
    match error {
        EventError::Refused(detail) => Problem::unprocessable(Vec::new()).detail(detail),
        EventError::Unavailable(_) => Problem::unavailable("A side does not respond.", 1),
    }
}

#[cfg(test)]
mod tests;
