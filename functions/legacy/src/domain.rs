//! Users, orders and messages of the older shop. Pure: time comes in as milliseconds since 1970.

mod article;
mod message;
mod order;
mod row;
mod user;

pub use article::{ARTICLES, Article, CURRENCY};
pub use message::Message;
pub use order::{LINES_MAX, Line, NewOrder, Order, PIECES_MAX, REFERENCE_CHARS_MAX, State};
pub use row::{Content, MESSAGE_SENT, ORDER_CHANGED, Row, SOURCE};
pub use user::{NAME_CHARS_MAX, Session, User, is_address};

/// An amount as this shop writes it: `4.50`.
pub fn amount(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Whether a text is an amount as this shop writes it.
pub fn is_amount(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, cents)| {
        digits(whole) && whole.len() <= 9 && digits(cents) && cents.len() == 2
    })
}

/// A time as this shop writes it: UTC without a zone, in seconds.
pub fn time(ms: u64) -> String {
    chassis::clock::rfc3339(ms)
        .replace('T', " ")
        .chars()
        .take("2026-01-31 12:00:00".len())
        .collect()
}

#[cfg(test)]
mod tests;
