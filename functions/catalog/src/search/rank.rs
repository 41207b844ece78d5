//! The order of a result, and positions in it.

use serde::{Deserialize, Serialize};

use super::Texts;
use crate::domain::Product;

/// How many characters of the name decide the order of otherwise equal products. They are part of
/// cursors, which must be short.
pub(super) const NAME_CHARS: usize = 40;

/// The order of the products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Best match first, then by name.
    #[default]
    Relevance,
    /// Cheapest first, then by name.
    PriceUp,
    /// Most expensive first, then by name.
    PriceDown,
    /// By name.
    Name,
}

impl Sort {
    /// All orders, by their names in the API.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("relevance", Self::Relevance),
        ("price", Self::PriceUp),
        ("-price", Self::PriceDown),
        ("name", Self::Name),
    ];

    /// The order with this name in the API.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, sort)| sort)
    }

    /// The name in the API.
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, sort)| *sort == self).map_or("", |(name, _)| name)
    }

    fn key(self, relevance: u32, product: &Product) -> i64 {
        match self {
            Self::Relevance => -i64::from(relevance),
            Self::PriceUp => product.details.price.amount,
            Self::PriceDown => -product.details.price.amount,
            Self::Name => 0,
        }
    }
}

/// A product's position in a result. Positions are totally ordered and depend only on the product
/// and the query, so a cursor stays valid when other products change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Lower comes first.
    #[serde(rename = "k")]
    pub key: i64,
    /// The beginning of the folded name: products with equal keys are ordered by it.
    #[serde(rename = "n")]
    pub name: String,
    /// Makes the order total.
    #[serde(rename = "s")]
    pub sku: String,
}

/// The key by which positions are compared.
type Rank<'a> = (i64, &'a str, &'a str);

impl Position {
    fn rank(&self) -> Rank<'_> {
        (self.key, &self.name, &self.sku)
    }
}

/// A matching product.
pub(super) struct Found<'a> {
    key: i64,
    product: &'a Product,
    texts: &'a Texts,
}

impl<'a> Found<'a> {
    pub(super) fn new(sort: Sort, relevance: u32, product: &'a Product, texts: &'a Texts) -> Self {
        Found { key: sort.key(relevance, product), product, texts }
    }

    fn rank(&self) -> Rank<'_> {
        (self.key, self.texts.rank_name(), &self.product.sku)
    }

    fn position(&self) -> Position {
        let (key, name, sku) = self.rank();
        Position { key, name: name.to_owned(), sku: sku.to_owned() }
    }
}

/// At most `limit` products of `found` after `after`, in order, and the position to continue from
/// if there are more.
pub(super) fn page<'a>(
    mut found: Vec<Found<'a>>,
    after: Option<&Position>,
    limit: usize,
) -> (Vec<&'a Product>, Option<Position>) {
    found.retain(|found| after.is_none_or(|after| found.rank() > after.rank()));
    let more = found.len() > limit;
    if more {
        // Only the returned products have to be in order.
        found.select_nth_unstable_by(limit, |one, other| one.rank().cmp(&other.rank()));
        found.truncate(limit);
    }
    found.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    let next = found.last().filter(|_| more).map(Found::position);
    (found.into_iter().map(|found| found.product).collect(), next)
}
