//! The catalog over HTTP. Changes need the role `admin`.

mod body;
mod search;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource};
use chassis::events::Producer;
use chassis::form::JsonBody;
use chassis::money::Money;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::problem::{Problem, ProblemType, Result};
use chassis::store::Store;
use serde::Serialize;

use crate::domain::{self, Added, Category, Product, Refused};
use crate::ports::Stock;
use crate::records::Swept;
use crate::service::{Catalog, Error, Offer};
use search::Search;

/// `Retry-After` in seconds when too many events are unpublished.
const RETRY_AFTER_S: u64 = 5;

/// The routes of the catalog. Tokens are verified with `keys`.
pub fn router<S: Store, A: Stock, P: Producer, K: KeySource>(
    catalog: Catalog<S, A, P>,
    keys: K,
) -> Router {
    let products = get(App::<S, A, P, K>::list).post(App::<S, A, P, K>::create);
    let product = get(App::<S, A, P, K>::read)
        .put(App::<S, A, P, K>::change)
        .delete(App::<S, A, P, K>::remove);
    Router::new()
        .route("/api/v1/products", products)
        .route("/api/v1/products/{sku}", product)
        .route("/sweep", post(App::<S, A, P, K>::sweep))
        .route("/api/v1/categories", get(App::<S, A, P, K>::categories))
        .with_state(App { catalog, keys })
}

#[derive(Clone)]
struct App<S, A, P, K> {
    catalog: Catalog<S, A, P>,
    keys: K,
}

chassis::auth_state!(App<S: Store, A: Stock, P: Producer; K>);

/// A product.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Product"))]
struct ProductView {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    sku: String,
    name: String,
    description: String,
    /// The category's display name.
    category: String,
    price: Money,
    /// Pieces that can be ordered now; null while that is not known.
    available: Option<u32>,
    /// Path of the picture on the storefront.
    #[cfg_attr(test, schemars(extend("format" = "uri-reference")))]
    image: String,
}

/// Products in the requested order.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ProductPage"))]
struct ListingView {
    #[serde(flatten)]
    page: Page<ProductView>,
    /// The number of matching products on all pages.
    total: usize,
    /// Whether no product matches the words exactly, so that the products are approximate matches.
    approximate: bool,
}

impl<S: Store, A: Stock, P: Producer, K: KeySource> App<S, A, P, K> {
    async fn list(
        State(app): State<Self>,
        Search(query): Search,
        page: PageQuery,
    ) -> Result<Json<ListingView>> {
        let scope = query.scope();
        let after = page.position(&scope)?;
        let found = app.catalog.search(&query, after.as_ref(), page.limit).await?;
        let items = found.items.into_iter().map(ProductView::from).collect();
        let next_cursor = found.next.map(|position| Cursor::encode(&scope, &position));
        let page = Page { items, next_cursor };
        Ok(Json(ListingView { page, total: found.total, approximate: found.is_approximate }))
    }

    async fn read(State(app): State<Self>, Path(sku): Path<String>) -> Result<Json<ProductView>> {
        let offer = app.catalog.find(&sku).await?.ok_or_else(|| unknown(&sku))?;
        Ok(Json(offer.into()))
    }

    async fn categories(
        State(app): State<Self>,
        Search(query): Search,
    ) -> Result<Json<Page<Category>>> {
        let items = app.catalog.categories(&query).await?;
        Ok(Json(Page { items, next_cursor: None }))
    }

    async fn create(_: Admin, State(app): State<Self>, body: JsonBody) -> Result<Response> {
        let (sku, details) = body::new_product(&body)?;
        let added = app.catalog.add(&sku, &details).await;
        let (added, product) = added.map_err(|error| problem(error, &sku))?;
        let product = app.view(product).await;
        Ok(match added {
            Added::Same => Json(product).into_response(),
            Added::New => {
                let location = [(header::LOCATION, format!("/api/v1/products/{sku}"))];
                (StatusCode::CREATED, location, Json(product)).into_response()
            }
        })
    }

    async fn change(
        _: Admin,
        State(app): State<Self>,
        Path(sku): Path<String>,
        body: JsonBody,
    ) -> Result<Json<ProductView>> {
        let details = body::changed_product(&body, &sku)?;
        let changed = app.catalog.change(&sku, &details).await;
        Ok(Json(app.view(changed.map_err(|error| problem(error, &sku))?).await))
    }

    async fn remove(
        _: Admin,
        State(app): State<Self>,
        Path(sku): Path<String>,
    ) -> Result<StatusCode> {
        app.catalog.remove(&sku).await.map_err(|error| problem(error, &sku))?;
        Ok(StatusCode::NO_CONTENT)
    }

    async fn sweep(State(app): State<Self>) -> Result<Json<Swept>> {
        Ok(Json(app.catalog.sweep().await?))
    }

    async fn view(&self, product: Product) -> ProductView {
        let offer = self.catalog.offers(vec![product.clone()]).await.pop();
        offer.unwrap_or(Offer { product, available: None }).into()
    }
}

impl From<Offer> for ProductView {
    fn from(Offer { product, available }: Offer) -> Self {
        let image = product.image();
        let domain::Details { name, description, category, price } = product.details;
        ProductView { sku: product.sku, name, description, category, price, available, image }
    }
}

fn problem(error: Error, sku: &str) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::Refused(Refused::Unknown) => unknown(sku),
        Error::Refused(Refused::Taken) => Problem::new(ProblemType::SkuTaken).detail(format!(
            "Another product has the SKU {sku}. Change it with PUT /api/v1/products/{sku}."
        )),
        Error::Refused(Refused::Full) => Problem::new(ProblemType::CatalogFull).detail(
            "The catalog has no room for this SKU. Remove a product, or choose another SKU.",
        ),
        Error::Refused(Refused::Busy) => {
            Problem::unavailable("Too many events are waiting to be published.", RETRY_AFTER_S)
        }
    }
}

fn unknown(sku: &str) -> Problem {
    Problem::not_found(format!("No product has the SKU {sku}."))
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
