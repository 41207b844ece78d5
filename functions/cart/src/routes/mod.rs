//! The cart over HTTP: everybody has one, and sees no other.

mod precondition;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use chassis::auth::{AuthState, Caller, KeySource};
use chassis::form::JsonBody;
use chassis::problem::{Problem, Result};
use chassis::store::Store;

use crate::domain::{LINES_MAX, QUANTITY_MAX, Refused, SKU_CHARS_MAX};
use crate::ports::Products;
use crate::service::{Carts, Error};
use crate::view::View;
use precondition::if_match;

/// Seconds after which a caller may try again when the catalogue did not answer.
const CATALOG_RETRY_AFTER_S: u64 = 2;

/// The routes of the cart, over `carts`, for callers that `keys` vouch for.
pub fn router<S: Store, P: Products, K: KeySource>(carts: Carts<S, P>, keys: K) -> Router {
    Router::new()
        .route("/api/v1/cart", get(read::<S, P, K>).delete(clear::<S, P, K>))
        .route("/api/v1/cart/items/{sku}", put(set::<S, P, K>).delete(remove::<S, P, K>))
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
    let mut fields = body.fields();
    let quantity = fields.integer("quantity", 1..=QUANTITY_MAX);
    fields.finish()?;
    let quantity = quantity.ok_or_else(Problem::internal)?;
    if sku.chars().count() > SKU_CHARS_MAX {
        return Err(problem(Error::UnknownSku(sku)));
    }
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
    if let Ok(tag) = format!("\"{version}\"").parse() {
        headers.insert(header::ETAG, tag);
    }
    headers
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::UnknownSku(sku) => Problem::not_found(format!("No product has the SKU {sku}.")),
        Error::Catalog(reason) => {
            eprintln!("the catalogue did not answer: {}", reason.0);
            Problem::unavailable("The catalogue does not answer.", CATALOG_RETRY_AFTER_S)
        }
        Error::Sum(error) => {
            eprintln!("a cart has no total: {error}");
            Problem::internal()
        }
        Error::Refused(Refused::Changed) => {
            let title = "The cart has changed";
            Problem::new(StatusCode::PRECONDITION_FAILED, "cart-changed", title)
                .detail("The cart is not at the version in If-Match. Read it again.")
        }
        Error::Refused(Refused::Full) => {
            Problem::new(StatusCode::CONFLICT, "cart-full", "The cart is full")
                .detail(format!("A cart holds {LINES_MAX} different products at most."))
        }
    }
}

#[cfg(test)]
mod tests;
