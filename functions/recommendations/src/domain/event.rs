//! Events, read. Tolerant of what is more than expected, strict about what is less.

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

/// Different products of one order that are paired with each other. Whoever buys more at once
/// fills a warehouse and says little about what goes together.
pub const SKUS_PAIRED_MAX: usize = 50;

/// The longest id that becomes part of a key, in bytes.
const ID_BYTES_MAX: usize = 100;

/// What an event means to the recommendations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An order was paid for.
    Confirmed(Confirmed),
    /// A product is now so, or gone.
    Product(Product),
    /// This customer deleted their account: `usr_…`.
    Gone(String),
    /// Nothing.
    None,
}

/// An order that was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// `ord_…`.
    pub order_id: String,
    /// Who bought: `usr_…`.
    pub user_id: String,
    /// The different products in it, at most [`SKUS_PAIRED_MAX`].
    pub skus: BTreeSet<String>,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// An event that claims to be of a known type and does not have its shape. Delivering it again
/// helps nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} can't be read: {reason}")]
pub struct Malformed {
    /// Of the event.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What the event says.
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

fn confirmed(event: &Event) -> Result<Confirmed, String> {
    #[derive(Deserialize)]
    struct Line {
        sku: String,
    }
    #[derive(Deserialize)]
    struct Order {
        order_id: String,
        user_id: String,
        lines: Vec<Line>,
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
struct Told {
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

/// Of a product that is gone only the name need be told.
fn removed(event: &Event) -> Result<Product, String> {
    #[derive(Deserialize)]
    struct Gone {
        sku: String,
    }
    let Gone { sku } = data(event)?;
    let (name, category, price) = (sku.clone(), String::new(), Money::new(0, ""));
    product(event, Told { sku, name, category, price, image: None }, true)
}

fn product(event: &Event, told: Told, removed: bool) -> Result<Product, String> {
    check(event, &told.sku)?;
    let sequence = event.sequence().filter(|sequence| *sequence > 0);
    Ok(Product {
        sku: told.sku,
        name: told.name,
        category: told.category,
        price: told.price,
        image: told.image,
        removed,
        sequence: sequence.ok_or("the sequence is missing")?,
        since_ms: at_ms(event)?,
    })
}

/// The data must be about what the event says that it is about.
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
