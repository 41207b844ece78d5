//! Events, read. Tolerant of what is more than expected, strict about what is less.

use chassis::clock::parse_rfc3339;
use chassis::events::Event;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Entry, Named, Order};

/// The source of the events of orders.
pub const ORDERS: &str = "/shop/orders";
/// The source of the events of users.
pub const USERS: &str = "/shop/identity";

/// The longest id that becomes part of a key, in bytes.
const ID_BYTES_MAX: usize = 100;

/// What an event means to this projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An order is now so.
    Order(Box<Entry>),
    /// A user is now called so.
    User(Named),
    /// Nothing.
    None,
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

/// What the event says. All events of `/shop/orders` share one numbering and carry the whole
/// state, so each is taken in, whatever its type is called.
pub fn read(event: &Event) -> Result<Change, Malformed> {
    let malformed = |reason: String| Malformed { id: event.id.clone(), reason };
    let Some(name) = event.kind.strip_suffix(".v1") else { return Ok(Change::None) };
    if event.source == ORDERS && name.starts_with("com.shop.orders.") {
        return order(event, name).map(|entry| Change::Order(Box::new(entry))).map_err(malformed);
    }
    if event.source == USERS && name.starts_with("com.shop.identity.user.") {
        return user(event, name).map_err(malformed);
    }
    Ok(Change::None)
}

fn order(event: &Event, name: &str) -> Result<Entry, String> {
    #[derive(Deserialize)]
    struct Reason {
        reason: String,
    }
    let order: Order = data(event)?;
    check(event, &order.id)?;
    if order.user_id.len() > ID_BYTES_MAX {
        return Err("the user's id is too long".to_owned());
    }
    let created_at_ms = parse_rfc3339(&order.created_at).ok_or("created_at is no time")?;
    let parked = match name.ends_with(".saga.parked") {
        true => Some(data::<Reason>(event)?.reason),
        false => None,
    };
    Ok(Entry { order, parked, sequence: sequence(event)?, at_ms: at_ms(event)?, created_at_ms })
}

/// After the account deletion a user has no name.
fn user(event: &Event, kind: &str) -> Result<Change, String> {
    #[derive(Deserialize)]
    struct User {
        user_id: String,
        name: Option<String>,
    }
    let is_deleted = kind.ends_with(".deleted");
    if !is_deleted && !kind.ends_with(".registered") && !kind.ends_with(".updated") {
        return Ok(Change::None);
    }
    let User { user_id, name } = data(event)?;
    check(event, &user_id)?;
    let name = match is_deleted {
        true => String::new(),
        false => name.ok_or("the name is missing")?,
    };
    Ok(Change::User(Named { user_id, name, sequence: sequence(event)?, at_ms: at_ms(event)? }))
}

/// The data must be about what the event says that it is about.
fn check(event: &Event, id: &str) -> Result<(), String> {
    match event.subject.as_deref() {
        Some(subject) if subject == id && id.len() <= ID_BYTES_MAX => Ok(()),
        Some(subject) => Err(format!("the subject {subject} is not {id}")),
        None => Err("the subject is missing".to_owned()),
    }
}

fn sequence(event: &Event) -> Result<u64, String> {
    event.sequence().filter(|sequence| *sequence > 0).ok_or("the sequence is missing".to_owned())
}

fn at_ms(event: &Event) -> Result<u64, String> {
    let time = event.time.as_deref().and_then(parse_rfc3339);
    time.ok_or("the time is missing".to_owned())
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, String> {
    serde_json::from_str(&event.data).map_err(|error| error.to_string())
}
