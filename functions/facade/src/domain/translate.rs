//! Translation between the API and events of the older shop and those of the functions.
//!
//! | older shop | functions |
//! |---|---|
//! | order `1001`, customer 1001 | `ord_00000000-…-0000000003e9`, `usr_00000000-…-0000000003e9` |
//! | an order of the functions | its own id, which is opaque for clients of the older shop |
//! | `"6.50"`, `EUR` | `{"amount": 650, "currency": "EUR"}` |
//! | `2026-01-31 12:00:00` | `2026-01-31T12:00:00.000Z` |
//! | `open`, `paid`, `sent`, `done`, `void` | `pending`, `confirmed`, `shipped`, `delivered`, and one of three |

mod errors;
mod events;
mod messages;
mod orders;

pub use errors::refusal;
pub use events::{Announcement, Untranslatable, announcement, copied, imported, order_event};
pub use messages::messages;
pub use orders::{LINES_MAX, PIECES_MAX, is_new_order, new_order, order, orders, price};

use chassis::clock::parse_rfc3339;
use serde_json::{Value, json};

/// The maximum number of entries of a list of the older shop.
pub const LIST_LENGTH_MAX: usize = 50;

/// The id of an order of the older shop outside of it; an order of the functions keeps its own.
pub fn order_id(number: &str) -> Option<String> {
    match number.parse() {
        Ok(digits) => Some(chassis::id::numbered("ord", digits)),
        Err(_) => chassis::id::is("ord", number).then(|| number.to_owned()),
    }
}

/// The number of an order in the older shop.
pub fn order_number(id: &str) -> String {
    chassis::id::number("ord", id).map_or_else(|| id.to_owned(), |number| number.to_string())
}

/// The id of a customer.
pub fn user_id(customer: u64) -> String {
    chassis::id::numbered("usr", customer)
}

/// The state of an order with this status. A status that was added later is not an end.
fn state(status: &str) -> &'static str {
    match status {
        "confirmed" => "paid",
        "shipped" => "sent",
        "delivered" => "done",
        "cancelled" | "rejected" | "returned" => "void",
        _ => "open",
    }
}

/// The status of an order of the older shop in this state.
fn status(state: &str) -> Option<&'static str> {
    match state {
        "open" => Some("pending"),
        "paid" => Some("confirmed"),
        "sent" => Some("shipped"),
        "done" => Some("delivered"),
        "void" => Some("cancelled"),
        _ => None,
    }
}

/// An amount as the older shop writes it. All currencies of both shops have two decimals.
fn amount(money: &Value) -> String {
    let cents = money["amount"].as_i64().unwrap_or_default();
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

/// The amount that the older shop has written.
fn money(text: &str, currency: &str) -> Option<Value> {
    let (whole, cents) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if cents.len() != 2 || whole.is_empty() || !digits(whole) || !digits(cents) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let amount = whole.checked_mul(100)?.checked_add(cents.parse().ok()?)?;
    Some(json!({"amount": amount, "currency": currency}))
}

/// A time as the older shop writes it: without a zone, in seconds.
fn old_time(rfc3339: &str) -> String {
    let ms = parse_rfc3339(rfc3339).unwrap_or_default();
    let text = chassis::clock::rfc3339(ms).replace('T', " ");
    text.chars().take("2026-01-31 12:00:00".len()).collect()
}

/// The time that the older shop has written.
fn new_time(text: &str) -> Option<String> {
    let text = format!("{}Z", text.replacen(' ', "T", 1));
    parse_rfc3339(&text).map(chassis::clock::rfc3339)
}

#[cfg(test)]
mod tests;
