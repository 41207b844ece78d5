//! The cart over HTTP: everybody has one, and sees no other.

mod events;
mod guests;
mod precondition;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use chassis::auth::{AuthState, Caller, KeySource};
use chassis::form::JsonBody;
use chassis::problem::{Problem, ProblemType, Result};
use chassis::store::Store;
use serde::Serialize;

use crate::domain::View;
use crate::domain::{LINES_MAX, MERGED_MAX, QUANTITY_MAX, Refused, SKU_CHARS_MAX};
use crate::ports::Products;
use crate::service::{Carts, Error, Swept};
use precondition::if_match;

/// `Retry-After` in seconds when there are too many guest carts: each sweep frees some.
const GUEST_CARTS_RETRY_AFTER_S: u64 = 60;
/// Seconds after which a caller may try again when the catalogue did not answer.
const CATALOG_RETRY_AFTER_S: u64 = 2;
/// Characters of a guest cart's id at most.
const GUEST_CART_ID_CHARS_MAX: usize = 64;

/// The routes of the cart, over `carts`, for callers that `keys` vouch for; and, from inside
/// only, `POST /sweep` and `POST /events`.
pub fn router<S: Store, P: Products, K: KeySource>(carts: Carts<S, P>, keys: K) -> Router {
    Router::new()
        .route("/api/v1/cart", get(read::<S, P, K>).delete(clear::<S, P, K>))
        .route("/api/v1/cart/items/{sku}", put(set::<S, P, K>).delete(remove::<S, P, K>))
        .route("/api/v1/cart/merge", post(merge::<S, P, K>))
        .route("/events", post(events::receive::<S, P, K>))
        .route("/sweep", post(sweep::<S, P, K>))
        .merge(guests::router::<S, P, K>())
        .with_state(App { carts, keys })
}

#[derive(Clone)]
struct App<S, P, K> {
    carts: Carts<S, P>,
    keys: K,
}

impl<S: Store, P: Products, K: KeySource> AuthState for App<S, P, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

async fn read<S: Store, P: Products, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, P, K>>,
) -> Result<Response> {
    Ok(shown(app.carts.view(&caller.user_id).await.map_err(problem)?))
}

async fn set<S: Store, P: Products, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, P, K>>,
    Path(sku): Path<String>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let quantity = quantity(&body)?;
    let sku = checked(sku)?;
    let versions = if_match(&headers);
    let view = app.carts.put(&caller.user_id, &sku, quantity, versions.as_deref()).await;
    Ok(shown(view.map_err(problem)?))
}

async fn remove<S: Store, P: Products, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, P, K>>,
    Path(sku): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let versions = if_match(&headers);
    let version = app.carts.remove(&caller.user_id, &sku, versions.as_deref()).await;
    Ok(done(version.map_err(problem)?))
}

async fn clear<S: Store, P: Products, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, P, K>>,
    headers: HeaderMap,
) -> Result<Response> {
    let versions = if_match(&headers);
    let version = app.carts.clear(&caller.user_id, versions.as_deref()).await;
    Ok(done(version.map_err(problem)?))
}

async fn merge<S: Store, P: Products, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, P, K>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let mut fields = body.fields();
    let id = fields.string("guest_cart_id", 1..=GUEST_CART_ID_CHARS_MAX);
    fields.finish()?;
    let id = id.ok_or_else(Problem::internal)?;
    let versions = if_match(&headers);
    let merged = app.carts.merge(&caller.user_id, guests::known(&id)?, versions.as_deref()).await;
    let merged = merged.map_err(problem)?;
    let headers = tagged(merged.view.version);
    let view = MergedView { cart: merged.view, left_out: merged.left_out };
    Ok((headers, Json(view)).into_response())
}

/// A cart after a guest's cart was merged into it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MergedCart"))]
struct MergedView {
    #[serde(flatten)]
    cart: View,
    /// Products that did not fit.
    #[cfg_attr(test, schemars(with = "Vec<chassis::openapi::Sku>"))]
    left_out: Vec<String>,
}

async fn sweep<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
) -> Result<Json<Swept>> {
    Ok(Json(app.carts.sweep().await.map_err(problem)?))
}

fn quantity(body: &JsonBody) -> Result<u32> {
    let mut fields = body.fields();
    let quantity = fields.integer("quantity", 1..=QUANTITY_MAX);
    fields.finish()?;
    quantity.ok_or_else(Problem::internal)
}

fn checked(sku: String) -> Result<String> {
    let known = sku.chars().count() <= SKU_CHARS_MAX;
    if known { Ok(sku) } else { Err(problem(Error::UnknownSku(sku))) }
}

/// A basket, never to be stored by anything in between: it is somebody's own.
fn shown(view: View) -> Response {
    (tagged(view.version), Json(view)).into_response()
}

/// Nothing to show: taking out needs no prices, and so works without the catalogue.
fn done(version: u64) -> Response {
    (StatusCode::NO_CONTENT, tagged(version)).into_response()
}

fn tagged(version: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = tag(version).parse() {
        headers.insert(header::ETAG, tag);
    }
    headers
}

fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::Gone => Problem::not_found("There is no such cart. Begin a new one."),
        Error::GuestCartsFull { max } => Problem::new(ProblemType::GuestCartsFull)
            .detail("Sign in to use the cart of your account, or try again later.")
            .header(header::RETRY_AFTER, &GUEST_CARTS_RETRY_AFTER_S.to_string())
            .extension("guest_carts_max", max),
        Error::UnknownSku(sku) => Problem::not_found(format!("No product has the SKU {sku}.")),
        Error::Catalog(reason) => {
            eprintln!("the catalogue did not answer: {}", reason.0);
            Problem::unavailable("The catalogue does not answer.", CATALOG_RETRY_AFTER_S)
        }
        Error::Sum(error) => {
            eprintln!("a cart has no total: {error}");
            Problem::internal()
        }
        Error::Refused(Refused::Changed { version }) => Problem::new(ProblemType::CartChanged)
            .detail("The cart is not at the version in If-Match. Read it again.")
            .header(header::ETAG, &tag(version))
            .extension("version", version),
        Error::Refused(Refused::MergedTooOften) => Problem::new(ProblemType::CartMergedTooOften)
            .detail(format!("At most {MERGED_MAX} guest carts can be merged into a cart per day.")),
        Error::Refused(Refused::Closed) => {
            Problem::unauthorized("The account of this token does not exist.")
        }
        Error::Refused(Refused::Full) => Problem::new(ProblemType::CartFull)
            .detail(format!("A cart holds at most {LINES_MAX} different products.")),
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
