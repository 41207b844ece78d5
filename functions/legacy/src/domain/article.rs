//! The price list. It is part of the code, and there is no stock: the shop orders what it has sold.

use serde::Serialize;

/// The currency of all prices.
pub const CURRENCY: &str = "EUR";

/// What can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Article {
    /// Names it.
    pub article: &'static str,
    /// For people.
    pub name: &'static str,
    /// Of one piece, in cents.
    #[serde(serialize_with = "as_amount")]
    pub price: u64,
}

fn as_amount<S: serde::Serializer>(cents: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::amount(*cents))
}

/// All articles.
pub const ARTICLES: [Article; 4] = [
    Article { article: "OLD-0001", name: "Assam, 250 g", price: 650 },
    Article { article: "OLD-0002", name: "Teapot, 1 l", price: 2_490 },
    Article { article: "OLD-0003", name: "Tea strainer", price: 395 },
    Article { article: "OLD-0004", name: "Tin for tea", price: 799 },
];
