//! Carts over HTTP: each user has one, and guests have others.

mod guests;

use axum::extract::{FromRequestParts, Path, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use chassis::Clock;
use chassis::auth::{Caller, KeySource};
use chassis::clock::rfc3339;
use chassis::events::Received;
use chassis::form::JsonBody;
use chassis::http::{IfMatch, version_tag};
use chassis::problem::{Problem, ProblemType, Result};
use chassis::sealed::forgotten;
use chassis::store::Store;
use serde::{Deserialize, Serialize};

use crate::domain::{LINES_MAX, MERGED_MAX, PricedCart, QUANTITY_MAX, Refused, SKU_CHARS_MAX};
use crate::ports::Products;
use crate::service::{CartId, Carts, Error, ShownCart, Swept};
use guests::GuestView;

/// `Retry-After` in seconds when there are too many guest carts: each sweep deletes some.
const GUEST_CARTS_RETRY_AFTER_S: u64 = 60;
/// `Retry-After` in seconds when the catalog did not respond.
const CATALOG_RETRY_AFTER_S: u64 = 2;
/// Longest id of a guest cart, in characters.
const GUEST_CART_ID_CHARS_MAX: usize = 64;

/// The public routes, and the internal ones, `POST /sweep` and `POST /events`. Tokens are verified
/// with `keys`.
pub fn router<S: Store, P: Products, C: Clock, K: KeySource>(
    carts: Carts<S, P, C>,
    keys: K,
) -> Router {
    let item = || put(App::<S, P, C, K>::put_item).delete(App::<S, P, C, K>::remove_item);
    let own = get(App::<S, P, C, K>::read).delete(App::<S, P, C, K>::clear);
    let guest = get(App::<S, P, C, K>::read)
        .put(App::<S, P, C, K>::replace)
        .delete(App::<S, P, C, K>::discard);
    Router::new()
        .route("/api/v1/cart", own)
        .route("/api/v1/cart/items/{sku}", item())
        .route("/api/v1/cart/merge", post(App::<S, P, C, K>::merge))
        .route("/api/v1/carts", post(App::<S, P, C, K>::begin))
        .route("/api/v1/carts/{id}", guest)
        .route("/api/v1/carts/{id}/items/{sku}", item())
        .route("/events", post(App::<S, P, C, K>::receive))
        .route("/sweep", post(App::<S, P, C, K>::sweep))
        .with_state(App { carts, keys })
}

#[derive(Clone)]
struct App<S, P, C, K> {
    carts: Carts<S, P, C>,
    keys: K,
}

chassis::auth_state!(App<S: Store, P: Products, C: Clock; K>);

/// The cart of a path: the guest cart with the id in it, or else the cart of the caller.
impl<S: Store, P: Products, C: Clock, K: KeySource> FromRequestParts<App<S, P, C, K>> for CartId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S, P, C, K>) -> Result<CartId> {
        let parameters = RawPathParams::from_request_parts(parts, app).await;
        let parameters = parameters.map_err(|error| Problem::bad_request(error.body_text()))?;
        if let Some((_, id)) = parameters.iter().find(|(name, _)| *name == "id") {
            return Ok(CartId::Guest(guests::valid_id(id)?.to_owned()));
        }
        let caller = <Caller as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        Ok(CartId::User(caller.user_id))
    }
}

/// The product of a path.
#[derive(Deserialize)]
struct Item {
    sku: String,
}

impl<S: Store, P: Products, C: Clock, K: KeySource> App<S, P, C, K> {
    async fn read(id: CartId, State(app): State<Self>) -> Result<Response> {
        let shown = app.carts.view(&id).await.map_err(problem)?;
        Ok(represent(id, shown))
    }

    async fn put_item(
        id: CartId,
        State(app): State<Self>,
        Path(Item { sku }): Path<Item>,
        expected: IfMatch,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let quantity = fields.integer("quantity", 1..=QUANTITY_MAX);
        fields.finish()?;
        let quantity = quantity.ok_or_else(Problem::internal)?;
        if sku.chars().count() > SKU_CHARS_MAX {
            return Err(problem(Error::UnknownSku(sku)));
        }
        let shown = app.carts.put(&id, &sku, quantity, &expected).await.map_err(problem)?;
        Ok(represent(id, shown))
    }

    async fn remove_item(
        id: CartId,
        State(app): State<Self>,
        Path(Item { sku }): Path<Item>,
        expected: IfMatch,
    ) -> Result<Response> {
        Ok(removed(app.carts.remove(&id, &sku, &expected).await.map_err(problem)?))
    }

    async fn clear(caller: Caller, State(app): State<Self>, expected: IfMatch) -> Result<Response> {
        Ok(removed(app.carts.clear(&caller.user_id, &expected).await.map_err(problem)?))
    }

    async fn merge(
        caller: Caller,
        State(app): State<Self>,
        expected: IfMatch,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let id = fields.string("guest_cart_id", 1..=GUEST_CART_ID_CHARS_MAX);
        fields.finish()?;
        let id = id.ok_or_else(Problem::internal)?;
        let merged = app.carts.merge(&caller.user_id, guests::valid_id(&id)?, &expected).await;
        let merged = merged.map_err(problem)?;
        Ok((headers(merged.cart.version), Json(merged)).into_response())
    }

    /// Receives the deletions of accounts.
    async fn receive(State(app): State<Self>, Received(events): Received) -> Result<StatusCode> {
        for event in &events {
            if let Some(user_id) = forgotten(event)? {
                app.carts.forget(&user_id).await?;
            }
        }
        Ok(StatusCode::NO_CONTENT)
    }

    async fn sweep(State(app): State<Self>) -> Result<Json<Swept>> {
        Ok(Json(app.carts.sweep().await.map_err(problem)?))
    }
}

fn represent(id: CartId, ShownCart { cart, expires_at_ms }: ShownCart) -> Response {
    let headers = headers(cart.version);
    match id {
        CartId::User(_) => (headers, Json(cart)).into_response(),
        CartId::Guest(id) => {
            let expires_at = rfc3339(expires_at_ms.unwrap_or_default());
            (headers, Json(GuestView { id, cart, expires_at })).into_response()
        }
    }
}

/// The response to a removal. It has no prices, so that it does not need the catalog.
fn removed(version: u64) -> Response {
    (StatusCode::NO_CONTENT, headers(version)).into_response()
}

fn headers(version: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = version_tag(version).parse() {
        headers.insert(header::ETAG, tag);
    }
    headers
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::GuestCartsFull { max } => Problem::new(ProblemType::GuestCartsFull)
            .detail("Sign in to use the cart of your account, or try again later.")
            .header(header::RETRY_AFTER, &GUEST_CARTS_RETRY_AFTER_S.to_string())
            .extension("guest_carts_max", max),
        Error::UnknownSku(sku) => Problem::not_found(format!("No product has the SKU {sku}.")),
        Error::Catalog(reason) => {
            eprintln!("the catalog did not respond: {}", reason.0);
            Problem::unavailable("The catalog does not respond.", CATALOG_RETRY_AFTER_S)
        }
        Error::Sum(error) => {
            eprintln!("a cart has no total: {error}");
            Problem::internal()
        }
        Error::Refused(Refused::Changed { version }) => Problem::new(ProblemType::CartChanged)
            .detail("The cart is not at the version in If-Match. Read it again.")
            .header(header::ETAG, &version_tag(version))
            .extension("version", version),
        Error::Refused(Refused::MergedTooOften) => Problem::new(ProblemType::CartMergedTooOften)
            .detail(format!("At most {MERGED_MAX} guest carts can be merged into a cart per day.")),
        Error::Refused(Refused::Closed) => {
            Problem::unauthorized("The account of this token does not exist.")
        }
        Error::Refused(Refused::Gone) => {
            Problem::not_found("There is no such cart. Create a new one.")
        }
        Error::Refused(Refused::Full) => Problem::new(ProblemType::CartFull)
            .detail(format!("A cart holds at most {LINES_MAX} different products.")),
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
