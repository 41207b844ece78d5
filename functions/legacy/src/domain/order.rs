//! Orders: priced when they are placed.

use serde::{Deserialize, Serialize};

use super::{ARTICLES, CURRENCY, amount, time};

/// The maximum number of lines of an order.
pub const LINES_MAX: usize = 20;
/// The maximum number of pieces in a line.
pub const PIECES_MAX: u32 = 100;
/// The maximum length of a client's reference, in characters.
pub const REFERENCE_CHARS_MAX: usize = 64;

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Accepted; it is not settled yet.
    Open,
    /// To be sent.
    Paid,
    /// With a carrier.
    Sent,
    /// The customer has it.
    Done,
    /// Canceled, refused or returned.
    Void,
}

/// A number of pieces of one article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The article.
    pub article: String,
    /// Its name when it was ordered.
    pub name: String,
    /// How many.
    pub pieces: u32,
    /// The price of one piece when it was ordered.
    pub price: String,
}

/// An order, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number, an opaque text for clients.
    pub order: String,
    /// How far it is.
    pub state: State,
    /// What was ordered.
    pub articles: Vec<Line>,
    /// The sum, unless support has corrected it.
    pub total: String,
    /// Of all amounts.
    pub currency: String,
    /// UTC.
    pub created: String,
}

/// An order to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Chosen by the client. One reference of a customer places one order.
    pub reference: String,
    /// Articles and pieces.
    pub articles: Vec<(String, u32)>,
}

impl Order {
    /// A new order with the prices of now.
    ///
    /// # Errors
    /// There is no such article; or there are no lines or too many, or too many pieces.
    pub fn place(number: &str, articles: &[(String, u32)], now_ms: u64) -> Result<Order, String> {
        if !(1..=LINES_MAX).contains(&articles.len()) {
            return Err(format!("an order has 1 to {LINES_MAX} articles"));
        }
        let mut sum = 0;
        let mut lines = Vec::with_capacity(articles.len());
        for (article, pieces) in articles {
            let found = ARTICLES.iter().find(|known| known.article == article);
            let found = found.ok_or_else(|| format!("there is no article {article:?}"))?;
            if !(1..=PIECES_MAX).contains(pieces) {
                return Err(format!("{article}: order 1 to {PIECES_MAX} pieces"));
            }
            sum += found.price * u64::from(*pieces);
            lines.push(Line {
                article: article.clone(),
                name: found.name.to_owned(),
                pieces: *pieces,
                price: amount(found.price),
            });
        }
        Ok(Order {
            order: number.to_owned(),
            // The accountant charges cards at night, so each order counts as paid.
            state: State::Paid,
            articles: lines,
            total: amount(sum),
            currency: CURRENCY.to_owned(),
            created: time(now_ms),
        })
    }
}
