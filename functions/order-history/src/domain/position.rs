//! The minimum position of the projection that a reader requires.

use std::fmt;
use std::str::FromStr;

/// The event of an order that must have been processed: `<order id>.<sequence>` on the wire, which
/// is also the id of that event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// `ord_…`.
    pub order_id: String,
    /// The sequence number of the event, from 1; 0 for an order without events, which requires no
    /// wait.
    pub sequence: u64,
}

impl Position {
    /// The age of the order according to its id; `None` if the time is in the future.
    pub fn age_ms(&self, now_ms: u64) -> Option<u64> {
        let digits: String =
            self.order_id.bytes().map(char::from).skip(4).filter(|c| *c != '-').take(12).collect();
        now_ms.checked_sub(u64::from_str_radix(&digits, 16).ok()?)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.order_id, self.sequence)
    }
}

/// The text is not the id of an order's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Position, InvalidPosition> {
        let (order_id, digits) = text.rsplit_once('.').ok_or(InvalidPosition)?;
        let sequence: u64 = digits.parse().map_err(|_| InvalidPosition)?;
        match chassis::id::is("ord", order_id) {
            true => Ok(Position { order_id: order_id.to_owned(), sequence }),
            false => Err(InvalidPosition),
        }
    }
}
