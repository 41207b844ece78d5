//! Parsing events. Unknown members are ignored; missing ones are errors.

use std::collections::BTreeSet;

use chassis::clock::parse_rfc3339;
use chassis::events::Event;
use chassis::money::Money;
use chassis::sealed::forgotten;
use serde::{Deserialize, de::DeserializeOwned};

use super::Product;

/// The source of the events of orders.
pub const ORDERS: &str = "/shop/orders";
/// The source of the events of products.
pub const CATALOG: &str = "/shop/catalog";

/// The maximum number of products of one order that are paired with each other. Larger orders say
/// little about which products belong together.
pub const SKUS_PAIRED_MAX: usize = 50;

/// The longest id that becomes part of a key, in bytes.
const ID_BYTES_MAX: usize = 100;

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

/// An event of a known type with invalid data. Delivering it again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} can't be read: {reason}")]
pub struct Malformed {
    /// The id of the event.
    pub id: String,
    /// What is wrong.
    pub reason: String,
}

/// The meaning of an event.
pub fn read(event: &Event) -> Result<Change, Malformed> {
    let change = match (event.source.as_str(), event.kind.as_str()) {
        (ORDERS, "com.shop.orders.order.confirmed.v1") => confirmed(event).map(Change::Confirmed),
        (CATALOG, "com.shop.catalog.product.changed.v1") => changed(event).map(Change::Product),
        (CATALOG, "com.shop.catalog.product.removed.v1") => removed(event).map(Change::Product),
        _ => match forgotten(event) {
            Ok(gone) => Ok(gone.map_or(Change::None, Change::Gone)),
            Err(nameless) => Err(nameless.to_string()),
        },
    };
    change.map_err(|reason| Malformed { id: event.id.clone(), reason })
}

/// When the event happened, in milliseconds since the epoch.
pub(crate) fn at_ms(event: &Event) -> Result<u64, String> {
    let time = event.time.as_deref().and_then(parse_rfc3339);
    time.ok_or("the time is missing".to_owned())
}

#[derive(Deserialize)]
struct Sku {
    sku: String,
}

fn confirmed(event: &Event) -> Result<Confirmed, String> {
    #[derive(Deserialize)]
    struct Order {
        order_id: String,
        user_id: String,
        lines: Vec<Sku>,
    }
    let order: Order = data(event)?;
    check(event, &order.order_id)?;
    short(&order.user_id)?;
    let mut skus = BTreeSet::new();
    for line in order.lines.into_iter().take(SKUS_PAIRED_MAX) {
        short(&line.sku)?;
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

fn changed(event: &Event) -> Result<Product, String> {
    product(event, data(event)?, false)
}

/// The event about a removal needs only the SKU.
fn removed(event: &Event) -> Result<Product, String> {
    let Sku { sku } = data(event)?;
    let (name, category, price) = (sku.clone(), String::new(), Money::new(0, ""));
    product(event, State { sku, name, category, price, image: None }, true)
}

fn product(event: &Event, state: State, removed: bool) -> Result<Product, String> {
    check(event, &state.sku)?;
    let sequence = event.sequence().filter(|sequence| *sequence > 0);
    Ok(Product {
        sku: state.sku,
        name: state.name,
        category: state.category,
        price: state.price,
        image: state.image,
        removed,
        sequence: sequence.ok_or("the sequence is missing")?,
        since_ms: at_ms(event)?,
    })
}

/// The data must be about the subject of the event.
fn check(event: &Event, id: &str) -> Result<(), String> {
    short(id)?;
    match event.subject.as_deref() {
        Some(subject) if subject == id => Ok(()),
        Some(subject) => Err(format!("the subject {subject} is not {id}")),
        None => Err("the subject is missing".to_owned()),
    }
}

fn short(id: &str) -> Result<(), String> {
    if id.len() > ID_BYTES_MAX { Err("an id is too long".to_owned()) } else { Ok(()) }
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, String> {
    serde_json::from_str(&event.data).map_err(|error| error.to_string())
}
