//! The catalogue over HTTP.
//!
//! Reading is for everybody; writing needs the role `admin`.

mod body;
mod search;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::events::Producer;
use chassis::form::JsonBody;
use chassis::money::Money;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::problem::{Problem, ProblemType, Result};
use chassis::store::Store;
use serde::Serialize;

use crate::domain::{self, Added, Product, Refused};
use crate::ports::Stock;
use crate::records::Swept;
use crate::service::{Catalog, Error, Offer};
use search::Question;

/// Seconds after which a change that was refused for the moment may be tried again.
const RETRY_AFTER_S: u64 = 5;

/// The routes of the catalogue, over `catalog`, for callers that `keys` vouch for.
pub fn router<S: Store, A: Stock, P: Producer, K: KeySource>(
    catalog: Catalog<S, A, P>,
    keys: K,
) -> Router {
    let product = get(read::<S, A, P, K>).put(change::<S, A, P, K>).delete(remove::<S, A, P, K>);
    Router::new()
        .route("/api/v1/products", get(list::<S, A, P, K>).post(create::<S, A, P, K>))
        .route("/api/v1/products/{sku}", product)
        .route("/sweep", post(sweep::<S, A, P, K>))
        .route("/api/v1/categories", get(categories::<S, A, P, K>))
        .with_state(App { catalog, keys })
}

#[derive(Clone)]
struct App<S, A, P, K> {
    catalog: Catalog<S, A, P>,
    keys: K,
}

impl<S: Store, A: Stock, P: Producer, K: KeySource> AuthState for App<S, A, P, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

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

/// A category.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Category"))]
struct CategoryView {
    /// Send it as `category` to search in this category.
    slug: String,
    name: String,
    /// The number of its products.
    count: usize,
}

async fn list<S: Store, A: Stock, P: Producer, K: KeySource>(
    State(app): State<App<S, A, P, K>>,
    Question(query): Question,
    page: PageQuery,
) -> Result<Json<ListingView>> {
    let scope = query.scope();
    let after = page.position(&scope)?;
    let found = app.catalog.search(&query, after.as_ref(), page.limit).await?;
    let items = found.offers.into_iter().map(ProductView::from).collect();
    let next_cursor = found.next.map(|place| Cursor::encode(&scope, &place));
    let page = Page { items, next_cursor };
    Ok(Json(ListingView { page, total: found.total, approximate: found.is_approximate }))
}

async fn read<S: Store, A: Stock, P: Producer, K: KeySource>(
    State(app): State<App<S, A, P, K>>,
    Path(sku): Path<String>,
) -> Result<Json<ProductView>> {
    let offer = app.catalog.find(&sku).await?.ok_or_else(|| unknown(&sku))?;
    Ok(Json(offer.into()))
}

async fn categories<S: Store, A: Stock, P: Producer, K: KeySource>(
    State(app): State<App<S, A, P, K>>,
    Question(query): Question,
) -> Result<Json<Page<CategoryView>>> {
    let view = |domain::Category { slug, name, count }| CategoryView { slug, name, count };
    let items = app.catalog.categories(&query).await?.into_iter().map(view).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

async fn create<S: Store, A: Stock, P: Producer, K: KeySource>(
    Admin(_): Admin,
    State(app): State<App<S, A, P, K>>,
    body: JsonBody,
) -> Result<Response> {
    let (sku, details) = body::new_product(&body)?;
    let (added, product) =
        app.catalog.add(&sku, &details).await.map_err(|error| problem(error, &sku))?;
    let product = app.view(product).await;
    Ok(match added {
        Added::Same => Json(product).into_response(),
        Added::New => {
            let mut headers = HeaderMap::new();
            if let Ok(location) = format!("/api/v1/products/{sku}").parse() {
                headers.insert(header::LOCATION, location);
            }
            (StatusCode::CREATED, headers, Json(product)).into_response()
        }
    })
}

async fn change<S: Store, A: Stock, P: Producer, K: KeySource>(
    Admin(_): Admin,
    State(app): State<App<S, A, P, K>>,
    Path(sku): Path<String>,
    body: JsonBody,
) -> Result<Json<ProductView>> {
    let details = body::changed_product(&body, &sku)?;
    let product = app.catalog.change(&sku, &details).await.map_err(|error| problem(error, &sku))?;
    Ok(Json(app.view(product).await))
}

/// Carts and orders keep what they copied; the stock stays in the warehouse.
async fn remove<S: Store, A: Stock, P: Producer, K: KeySource>(
    Admin(_): Admin,
    State(app): State<App<S, A, P, K>>,
    Path(sku): Path<String>,
) -> Result<StatusCode> {
    app.catalog.remove(&sku).await.map_err(|error| problem(error, &sku))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sweep<S: Store, A: Stock, P: Producer, K: KeySource>(
    State(app): State<App<S, A, P, K>>,
) -> Result<Json<Swept>> {
    Ok(Json(app.catalog.sweep().await?))
}

impl<S: Store, A: Stock, P: Producer, K> App<S, A, P, K> {
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
        Error::Refused(Refused::Full) => Problem::new(ProblemType::CatalogFull)
            .detail("No more products fit beside those whose SKUs hash alike."),
        Error::Refused(Refused::Busy) => {
            Problem::unavailable("Too many changes wait to be published.", RETRY_AFTER_S)
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
