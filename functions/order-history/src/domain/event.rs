//! The events that the projection is made from.

use chassis::clock::parse_rfc3339;
use chassis::events::Event;
use chassis::events::read::{at_ms, check_id, check_subject, data, sequence};
use serde::Deserialize;

use super::{Entry, Order, UserName};

pub use chassis::events::Malformed;

/// The source of the events of orders.
pub const ORDERS: &str = "/shop/orders";
/// The source of the events of users.
pub const USERS: &str = "/shop/identity";

/// The effect of an event on this projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The new state of an order.
    Order(Box<Entry>),
    /// The new name of a user.
    User(UserName),
    /// None.
    None,
}

/// Reads an event. All events of an order share one sequence and contain the whole state, so events
/// of all types are used.
pub fn read(event: &Event) -> Result<Change, Malformed> {
    let Some(name) = event.kind.strip_suffix(".v1") else { return Ok(Change::None) };
    if event.source == ORDERS && name.starts_with("com.shop.orders.") {
        return order(event, name).map(|entry| Change::Order(Box::new(entry)));
    }
    if event.source == USERS && name.starts_with("com.shop.identity.user.") {
        return user(event, name);
    }
    Ok(Change::None)
}

fn order(event: &Event, name: &str) -> Result<Entry, Malformed> {
    #[derive(Deserialize)]
    struct Reason {
        reason: String,
    }
    let order: Order = data(event)?;
    check_subject(event, &order.id)?;
    check_id(event, &order.user_id)?;
    let created_at_ms = parse_rfc3339(&order.created_at)
        .ok_or_else(|| Malformed::new(event, "`created_at` is not a time"))?;
    let parked = match name.ends_with(".saga.parked") {
        true => Some(data::<Reason>(event)?.reason),
        false => None,
    };
    Ok(Entry { order, parked, sequence: sequence(event)?, at_ms: at_ms(event)?, created_at_ms })
}

/// A user without an account has an empty name.
fn user(event: &Event, kind: &str) -> Result<Change, Malformed> {
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
    check_subject(event, &user_id)?;
    let name = match is_deleted {
        true => String::new(),
        false => name.ok_or_else(|| Malformed::new(event, "the name is missing"))?,
    };
    Ok(Change::User(UserName { user_id, name, sequence: sequence(event)?, at_ms: at_ms(event)? }))
}
