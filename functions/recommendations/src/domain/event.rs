//! The events that recommendations are made from.

use std::collections::BTreeSet;

use chassis::events::Event;
use chassis::events::read::{at_ms, check_id, check_subject, data, sequence};
use chassis::money::Money;
use chassis::sealed::forgotten;
use serde::Deserialize;

use super::Product;

pub use chassis::events::Malformed;

/// The source of the events of orders.
pub const ORDERS: &str = "/shop/orders";
/// The source of the events of products.
pub const CATALOG: &str = "/shop/catalog";

/// The maximum number of products of one order that are paired with each other. Larger orders say
/// little about which products belong together.
pub const SKUS_PAIRED_MAX: usize = 50;

/// What an event means to the recommendations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An order was paid for.
    Confirmed(Confirmed),
    /// The state of a product, which may be removed.
    Product(Product),
    /// This customer deleted their account: `usr_…`.
    Gone(String),
    /// It has no meaning here.
    None,
}

/// An order that was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// `ord_…`.
    pub order_id: String,
    /// The customer: `usr_…`.
    pub user_id: String,
    /// The different products in it, at most [`SKUS_PAIRED_MAX`].
    pub skus: BTreeSet<String>,
    /// The time in milliseconds since the epoch.
    pub at_ms: u64,
}

/// The meaning of an event.
pub fn read(event: &Event) -> Result<Change, Malformed> {
    match (event.source.as_str(), event.kind.as_str()) {
        (ORDERS, "com.shop.orders.order.confirmed.v1") => confirmed(event).map(Change::Confirmed),
        (CATALOG, "com.shop.catalog.product.changed.v1") => changed(event).map(Change::Product),
        (CATALOG, "com.shop.catalog.product.removed.v1") => removed(event).map(Change::Product),
        _ => match forgotten(event) {
            Ok(gone) => Ok(gone.map_or(Change::None, Change::Gone)),
            Err(nameless) => Err(Malformed::new(event, nameless)),
        },
    }
}

#[derive(Deserialize)]
struct Sku {
    sku: String,
}

fn confirmed(event: &Event) -> Result<Confirmed, Malformed> {
    #[derive(Deserialize)]
    struct Order {
        order_id: String,
        user_id: String,
        lines: Vec<Sku>,
    }
    let order: Order = data(event)?;
    check_subject(event, &order.order_id)?;
    check_id(event, &order.user_id)?;
    let mut skus = BTreeSet::new();
    for line in order.lines.into_iter().take(SKUS_PAIRED_MAX) {
        check_id(event, &line.sku)?;
        skus.insert(line.sku);
    }
    let (order_id, user_id) = (order.order_id, order.user_id);
    Ok(Confirmed { order_id, user_id, skus, at_ms: at_ms(event)? })
}

#[derive(Deserialize)]
struct State {
    sku: String,
    name: String,
    category: String,
    price: Money,
    #[serde(default)]
    image: Option<String>,
}

fn changed(event: &Event) -> Result<Product, Malformed> {
    product(event, data(event)?, false)
}

/// The event about a removal needs only the SKU.
fn removed(event: &Event) -> Result<Product, Malformed> {
    let Sku { sku } = data(event)?;
    let (name, category, price) = (sku.clone(), String::new(), Money::new(0, ""));
    product(event, State { sku, name, category, price, image: None }, true)
}

fn product(event: &Event, state: State, removed: bool) -> Result<Product, Malformed> {
    check_subject(event, &state.sku)?;
    Ok(Product {
        sku: state.sku,
        name: state.name,
        category: state.category,
        price: state.price,
        image: state.image,
        removed,
        sequence: sequence(event)?,
        since_ms: at_ms(event)?,
    })
}
