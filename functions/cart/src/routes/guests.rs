//! Guests' carts over HTTP. The id is the key to the cart: 160 random bits, so that nobody
//! finds a cart that they were not given.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use chassis::auth::KeySource;
use chassis::clock::rfc3339;
use chassis::form::JsonBody;
use chassis::problem::{Fault, Problem, Result};
use chassis::store::Store;
use serde::Serialize;

use super::precondition::if_match;
use super::{App, checked, done, problem, quantity, tagged};
use crate::domain::View;
use crate::domain::{LINES_MAX, Line, QUANTITY_MAX, SKU_CHARS_MAX};
use crate::ports::Products;
use crate::service::{Error, Seen};

/// Random bytes of a cart's id.
const ID_BYTES: usize = 20;
const PREFIX: &str = "crt_";

pub(super) fn router<S: Store, P: Products, K: KeySource>() -> Router<App<S, P, K>> {
    let one = get(read::<S, P, K>).put(replace::<S, P, K>).delete(discard::<S, P, K>);
    let item = put(set::<S, P, K>).delete(remove::<S, P, K>);
    Router::new()
        .route("/api/v1/carts", post(begin::<S, P, K>))
        .route("/api/v1/carts/{id}", one)
        .route("/api/v1/carts/{id}/items/{sku}", item)
}

/// The cart of a visitor who has not signed in.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "GuestCart"))]
pub(super) struct GuestView {
    #[cfg_attr(test, schemars(regex(pattern = "^crt_[0-9a-f]{40}$")))]
    id: String,
    #[serde(flatten)]
    cart: View,
    /// When the cart is deleted, unless it is changed before.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    expires_at: String,
}

async fn begin<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
) -> Result<Response> {
    let id = new_id()?;
    let seen = app.carts.begin(&id).await.map_err(problem)?;
    let location = [(header::LOCATION, format!("/api/v1/carts/{id}"))];
    Ok((StatusCode::CREATED, location, shown(id, seen)).into_response())
}

async fn read<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
    Path(id): Path<String>,
) -> Result<Response> {
    let seen = app.carts.view_guest(known(&id)?).await.map_err(problem)?;
    Ok(shown(id, seen).into_response())
}

async fn replace<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let lines = lines(&body)?;
    let versions = if_match(&headers);
    let seen = app.carts.replace_guest(known(&id)?, lines.clone(), versions.as_deref()).await;
    let seen = seen.map_err(|error| match error {
        Error::UnknownSku(sku) => {
            let place = lines.iter().position(|line| line.sku == sku).unwrap_or_default();
            fault(place, "is no product of this shop")
        }
        other => problem(other),
    })?;
    Ok(shown(id, seen).into_response())
}

async fn discard<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let versions = if_match(&headers);
    app.carts.discard_guest(known(&id)?, versions.as_deref()).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
    Path((id, sku)): Path<(String, String)>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let quantity = quantity(&body)?;
    let sku = checked(sku)?;
    let versions = if_match(&headers);
    let seen = app.carts.put_guest(known(&id)?, &sku, quantity, versions.as_deref()).await;
    Ok(shown(id, seen.map_err(problem)?).into_response())
}

async fn remove<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
    Path((id, sku)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let versions = if_match(&headers);
    let version = app.carts.remove_guest(known(&id)?, &sku, versions.as_deref()).await;
    Ok(done(version.map_err(problem)?))
}

fn shown(id: String, seen: Seen) -> (HeaderMap, Json<GuestView>) {
    let headers = tagged(seen.view.version);
    (headers, Json(GuestView { id, cart: seen.view, expires_at: rfc3339(seen.expires_at_ms) }))
}

/// The lines of a whole cart, each product once.
fn lines(body: &JsonBody) -> Result<Vec<Line>> {
    let mut fields = body.fields();
    let lines = fields.array("items", 0..=LINES_MAX, |line| {
        let sku = line.string("sku", 1..=SKU_CHARS_MAX);
        let quantity = line.integer("quantity", 1..=QUANTITY_MAX);
        Some(Line { sku: sku?, quantity: quantity? })
    });
    fields.finish()?;
    let lines = lines.ok_or_else(Problem::internal)?;
    let again = (1..lines.len()).find(|at| lines[..*at].iter().any(|it| it.sku == lines[*at].sku));
    again.map_or(Ok(lines), |at| Err(fault(at, "is there twice")))
}

fn fault(place: usize, detail: &str) -> Problem {
    let pointer = format!("/items/{place}/sku");
    Problem::unprocessable(vec![Fault { pointer, detail: detail.to_owned() }])
}

fn new_id() -> Result<String> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        eprintln!("cart: no random bytes: {error}");
        Problem::internal()
    })?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{PREFIX}{digits}"))
}

/// An id of the shape that this shop gives out; others are not even looked for.
pub(super) fn known(id: &str) -> Result<&str> {
    let digits = id.strip_prefix(PREFIX).unwrap_or_default();
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let sound = digits.len() == 2 * ID_BYTES && digits.bytes().all(digit);
    if sound { Ok(id) } else { Err(problem(Error::Gone)) }
}
