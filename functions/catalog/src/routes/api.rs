//! The operations of the catalog.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::money::Money;
use chassis::openapi::{Api, Sku};
use chassis::page::Page;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{ListingView, ProductView};
use crate::domain::{
    CATEGORY_CHARS_MAX, Category, DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, PRICE_MINOR_UNITS_MAX,
    SKU_CHARS_MAX,
};
use crate::search::QUERY_CHARS_MAX;

/// A new product.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewProduct {
    /// Upper-case letters and digits joined by hyphens.
    #[schemars(length(min = 1, max = SKU_CHARS_MAX))]
    #[schemars(regex(pattern = "^[A-Z0-9]+(-[A-Z0-9]+)*$"))]
    sku: String,
    #[schemars(flatten)]
    details: Details,
}

/// A product with other details. Its SKU can be repeated, but not changed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ProductDetails {
    sku: Option<Sku>,
    #[schemars(flatten)]
    details: Details,
}

#[derive(JsonSchema)]
struct Details {
    #[schemars(length(min = 1, max = NAME_CHARS_MAX))]
    name: String,
    #[schemars(length(min = 1, max = DESCRIPTION_CHARS_MAX))]
    description: String,
    /// The category's display name.
    #[schemars(length(min = 1, max = CATEGORY_CHARS_MAX))]
    category: String,
    price: Money,
}

#[derive(JsonSchema)]
struct Search {
    #[schemars(flatten)]
    which: CategorySearch,
    /// Slug of a category.
    category: Option<String>,
    /// The order of the products: best match first, cheapest first, most expensive first, or by
    /// name.
    #[schemars(extend("default" = "relevance"))]
    sort: Option<Sort>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum Sort {
    Relevance,
    Price,
    #[schemars(rename = "-price")]
    PriceDescending,
    Name,
}

#[derive(JsonSchema)]
struct CategorySearch {
    /// Words to search for, or a SKU or its beginning. If nothing matches, words with one typing
    /// error match, too. A query that has only symbols matches nothing.
    #[schemars(length(max = QUERY_CHARS_MAX))]
    q: Option<String>,
    /// Lowest price, in minor units.
    #[schemars(range(max = PRICE_MINOR_UNITS_MAX))]
    price_min: Option<u64>,
    /// Highest price, in minor units.
    #[schemars(range(max = PRICE_MINOR_UNITS_MAX))]
    price_max: Option<u64>,
}

fn api() -> Api {
    let mut api = Api::new("catalog");
    reading(&mut api);
    writing(&mut api);
    api
}

fn reading(api: &mut Api) {
    api.operation(
        "listProducts",
        "Search products",
        "All products, or those that match the query, and their number.",
    )
    .query::<Search>()
    .paged()
    .ok::<ListingView>(
        "A page.",
        &json!({"items": [product()], "next_cursor": null, "total": 1, "approximate": false}),
    );
    api.operation("getProduct", "Get a product", "With its current stock.")
        .ok::<ProductView>("The product.", &product())
        .problems([404]);
    api.operation(
        "listCategories",
        "List categories",
        "All categories and the number of their products that match the query; without \
         parameters, all products count.",
    )
    .query::<CategorySearch>()
    .ok::<Page<Category>>(
        "All categories.",
        &json!({
            "items": [{"slug": "coffee-tea", "name": "Coffee & Tea", "count": 31}],
            "next_cursor": null,
        }),
    );
}

fn writing(api: &mut Api) {
    api.operation(
        "createProduct",
        "Add a product",
        "Repeating the request with the same content has no further effect.",
    )
    .tag("administration")
    .body::<NewProduct>(&details())
    .json::<ProductView>(201, "Added.", &product())
    .headers(["Location"])
    .ok::<ProductView>("The same product existed already.", &product())
    .problems([409, 422]);
    api.operation("changeProduct", "Change a product", "Replaces everything except the SKU.")
        .tag("administration")
        .body::<ProductDetails>(&details())
        .ok::<ProductView>("The product.", &product())
        .problems([404, 422]);
    api.operation(
        "removeProduct",
        "Remove a product from the catalog",
        "The product can no longer be found or put into carts. Orders keep their copies, the \
         stock stays, and the SKU can be used again.",
    )
    .tag("administration")
    .empty(204, "The product was removed.")
    .problems([404]);
}

fn details() -> Value {
    json!({
        "sku": "TEA-0001",
        "name": "Sencha",
        "description": "Green tea from the first flush.",
        "category": "Coffee & Tea",
        "price": {"amount": 1299, "currency": "EUR"},
    })
}

fn product() -> Value {
    let mut product = details();
    (product["available"], product["image"]) = (json!(24), json!("/images/TEA-0001.svg"));
    product
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
