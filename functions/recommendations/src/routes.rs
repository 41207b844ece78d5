//! The recommendations over HTTP, personal for signed-in users.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, Caller, KeySource};
use chassis::clock::{now_ms, rfc3339};
use chassis::events::Received;
use chassis::flags::Flags;
use chassis::money::Money;
use chassis::page::{Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, Result};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::service::{CART_FOLLOWED_MAX, Reason, Recommendations, Recommended, Refused, Status};

/// The feature flag of recommendations for a cart.
const CART_FLAG: &str = "cart-recommendations";

/// The public routes, and the internal one, `POST /events`. Tokens are verified with `keys`, and
/// `flags` decide who gets new features.
pub fn router<S: Store, F: Flags, K: KeySource>(
    recommendations: Recommendations<S>,
    flags: F,
    keys: K,
) -> Router {
    Router::new()
        .route("/api/v1/products/{sku}/also-bought", get(App::<S, F, K>::also_bought))
        .route("/api/v1/recommendations", get(App::<S, F, K>::feed))
        .route("/api/v1/admin/projections/recommendations", get(App::<S, F, K>::status))
        .route("/events", post(App::<S, F, K>::receive))
        .with_state(App { recommendations, flags, keys })
}

#[derive(Clone)]
struct App<S, F, K> {
    recommendations: Recommendations<S>,
    flags: F,
    keys: K,
}

chassis::auth_state!(App<S: Store, F: Flags; K>);

impl<S: Store, F: Flags, K: KeySource> App<S, F, K> {
    async fn also_bought(
        State(app): State<Self>,
        Path(sku): Path<String>,
        page: PageQuery,
    ) -> Result<Json<Page<View>>> {
        Ok(listed(app.recommendations.also_bought(&sku, page.limit).await?))
    }

    async fn feed(
        State(app): State<Self>,
        caller: Option<Caller>,
        query: std::result::Result<Query<FeedQuery>, QueryRejection>,
        page: PageQuery,
    ) -> Result<Json<Page<View>>> {
        let Query(query) = query.map_err(|error| Problem::bad_request(error.to_string()))?;
        let user_id = caller.as_ref().map(|caller| caller.user_id.as_str());
        if let Some(cart) = query.cart {
            let skus = skus(&cart)?;
            let is_on = app.flags.is_on(CART_FLAG, user_id).await;
            let skus = if is_on { skus } else { BTreeSet::new() };
            return Ok(listed(app.recommendations.with_cart(&skus, page.limit).await?));
        }
        Ok(listed(app.recommendations.feed(user_id, page.limit).await?))
    }

    async fn status(State(app): State<Self>, _: Admin) -> Result<Json<StatusView>> {
        Ok(Json(app.recommendations.status().await?.into()))
    }

    async fn receive(State(app): State<Self>, Received(events): Received) -> Result<StatusCode> {
        for event in &events {
            app.recommendations.receive(event, now_ms()).await.map_err(refused)?;
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

/// Parameters of the feed.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FeedQuery {
    /// The SKUs of at most 20 products in a cart, separated by commas: only products that are bought
    /// together with them. The list is empty for callers who do not have this feature.
    cart: Option<String>,
}

/// The SKUs of a cart. One that is there several times counts once.
fn skus(cart: &str) -> Result<BTreeSet<String>> {
    let skus = cart.split(',').map(str::trim).filter(|sku| !sku.is_empty());
    let skus: BTreeSet<String> = skus.map(str::to_owned).collect();
    if skus.len() > CART_FOLLOWED_MAX {
        let detail = format!("cart must have at most {CART_FOLLOWED_MAX} SKUs.");
        return Err(Problem::bad_request(detail));
    }
    Ok(skus)
}

fn listed(recommended: Vec<Recommended>) -> Json<Page<View>> {
    let items = recommended.into_iter().map(View::from).collect();
    Json(Page { items, next_cursor: None })
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Malformed(malformed) => {
            eprintln!("recommendations: {malformed}");
            Problem::unprocessable(Vec::new()).detail(malformed.to_string())
        }
        Refused::Store(error) => error.into(),
    }
}

/// A recommended product.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Recommendation"))]
struct View {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    sku: String,
    name: String,
    category: String,
    price: Money,
    /// Path of the picture on the storefront.
    #[cfg_attr(test, schemars(extend("format" = "uri-reference")))]
    image: Option<String>,
    reason: Reason,
}

impl From<Recommended> for View {
    fn from(recommended: Recommended) -> Self {
        let Recommended { product, reason } = recommended;
        View {
            sku: product.sku,
            name: product.name,
            category: product.category,
            price: product.price,
            image: product.image,
            reason,
        }
    }
}

/// The state of the copy of the catalog.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RecommendationsStatus"))]
struct StatusView {
    name: &'static str,
    /// Products, without removed ones.
    entries: u64,
    /// Products that were removed.
    removed: u64,
    /// When the newest processed event happened.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    last_event_at: Option<String>,
    /// When it was processed.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    last_received_at: Option<String>,
    /// How long the newest event took to arrive; null before the first.
    staleness_ms: Option<u64>,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        let freshness = status.freshness;
        let delay_ms = freshness.map(|it| it.received_at_ms.saturating_sub(it.event_at_ms));
        StatusView {
            name: "recommendations",
            entries: status.products,
            removed: status.removed,
            last_event_at: freshness.map(|it| rfc3339(it.event_at_ms)),
            last_received_at: freshness.map(|it| rfc3339(it.received_at_ms)),
            staleness_ms: delay_ms,
        }
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
