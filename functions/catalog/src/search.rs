//! Finding products by words.
//!
//! Every word of the query must begin a word of the product's name, category or description,
//! regardless of case and accents: `creme bru` finds `Crème brûlée`. Words in the name weigh more
//! than words in the category, those more than words in the description, whole words more than
//! beginnings. A query may also be a SKU or its beginning. Only when no product matches, words that
//! occur nowhere also match words with one typing error. An empty query matches all products, one
//! that has only symbols matches none. A scan of a few thousand products is cheaper than keeping an
//! inverted index consistent in a store that changes one key at a time.

mod rank;

use std::ops::RangeInclusive;

use crate::domain::Product;
use crate::text::{closeness, fold, is_near, slug, stem, words};

pub use rank::{Position, Sort};

/// Longest query, in characters.
pub const QUERY_CHARS_MAX: usize = 200;
/// The maximum number of words in a query; the others are ignored.
pub const QUERY_WORDS_MAX: usize = 10;

/// The minimum length of a text with a digit that is looked up as a SKU, in characters.
const SKU_CHARS_MIN: usize = 3;
/// The weight of a SKU match: more than any words.
const SKU_RELEVANCE: u32 = 10_000;

/// Words that are ignored unless the query has no others.
const STOP_WORDS: [&str; 11] =
    ["a", "an", "and", "by", "for", "in", "of", "on", "the", "to", "with"];

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
    /// Whether the text has only symbols, so that no product matches.
    is_symbols: bool,
    /// The whole text as a SKU without hyphens, if it can be a SKU.
    sku: Option<String>,
    category: Option<String>,
    /// In minor units.
    price: RangeInclusive<i64>,
    sort: Sort,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// Whether words with one typing error match.
    is_tolerant: bool,
}

impl Word {
    /// How well the word matches a text; 0 if it does not.
    fn closeness(&self, folded: &str) -> u32 {
        if self.is_tolerant {
            u32::from(words(folded).any(|word| is_near(word, &self.text)))
        } else {
            closeness(folded, &self.text)
        }
    }
}

impl Query {
    /// `text` is what the user typed; `category` is the slug or the name of a category.
    pub fn new(text: &str, category: Option<&str>) -> Self {
        let folded = fold(text);
        let all = || words(&folded).map(stem);
        let mut chosen: Vec<&str> = all().filter(|word| !STOP_WORDS.contains(word)).collect();
        if chosen.is_empty() {
            chosen = all().collect();
        }
        chosen.truncate(QUERY_WORDS_MAX);
        let word = |text: &str| Word { text: text.to_owned(), is_tolerant: false };
        let sku: String = words(&folded).collect();
        let is_sku = sku.len() >= SKU_CHARS_MIN && sku.bytes().any(|byte| byte.is_ascii_digit());
        Query {
            is_symbols: chosen.is_empty() && !text.trim().is_empty(),
            words: chosen.into_iter().map(word).collect(),
            sku: is_sku.then_some(sku),
            category: category.map(slug).filter(|slug| !slug.is_empty()),
            price: 0..=i64::MAX,
            sort: Sort::Relevance,
        }
    }

    /// The same query, limited to these prices in minor units.
    #[must_use]
    pub fn priced(self, price: RangeInclusive<i64>) -> Self {
        Query { price, ..self }
    }

    /// The same query in another order.
    #[must_use]
    pub fn sorted(self, sort: Sort) -> Self {
        Query { sort, ..self }
    }

    /// The same query. If its words match none of `texts`, words that occur nowhere match
    /// approximately.
    fn tolerating(&self, texts: &[&Texts]) -> Self {
        if self.words.is_empty() || texts.iter().any(|it| self.closeness(it).is_some()) {
            return self.clone();
        }
        let mut query = self.clone();
        for word in &mut query.words {
            word.is_tolerant = texts.iter().all(|it| it.closeness(word) == 0);
        }
        query
    }

    /// How well a product's texts match the words; `None` if they do not.
    fn closeness(&self, texts: &Texts) -> Option<u32> {
        if self.sku.as_ref().is_some_and(|sku| texts.sku.starts_with(sku)) {
            return Some(SKU_RELEVANCE);
        }
        let mut sum = 0;
        for word in &self.words {
            sum += Some(texts.closeness(word)).filter(|best| *best > 0)?;
        }
        let opens = self.words.first().is_some_and(|word| texts.name.starts_with(&word.text));
        Some(sum + u32::from(opens))
    }

    /// Whether the price of a product is in the range.
    fn affords(&self, product: &Product) -> bool {
        self.price.contains(&product.details.price.amount)
    }

    /// How well a product matches the query; `None` if it does not.
    fn relevance(&self, product: &Product, texts: &Texts) -> Option<u32> {
        let elsewhere = self.category.as_ref().is_some_and(|wanted| *wanted != texts.slug);
        if self.is_symbols || elsewhere || !self.affords(product) {
            None
        } else {
            self.closeness(texts)
        }
    }

    /// Differs for queries with different results: cursors are bound to it.
    pub fn scope(&self) -> String {
        let category = self.category.as_deref().unwrap_or_default();
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        let (from, to) = self.price.clone().into_inner();
        format!("products/{}/{category}/{from}-{to}/{}", self.sort.name(), words.join(" "))
    }
}

/// A product's folded texts. Folding them costs more than searching them, so they are folded when
/// the product is read, not for each query.
#[derive(Clone, Debug)]
pub struct Texts {
    name: String,
    /// Bytes of the name that decide the order of equally relevant products.
    rank_bytes: usize,
    category: String,
    slug: String,
    description: String,
    /// Without its hyphens.
    sku: String,
}

impl Texts {
    /// The texts of this product.
    pub fn of(product: &Product) -> Self {
        let details = &product.details;
        let name = fold(&details.name);
        let beginning = name.char_indices().nth(rank::NAME_CHARS);
        let rank_bytes = beginning.map_or(name.len(), |(bytes, _)| bytes);
        Texts {
            name,
            rank_bytes,
            category: fold(&details.category),
            slug: slug(&details.category),
            description: fold(&details.description),
            sku: words(&fold(&product.sku)).collect(),
        }
    }

    fn rank_name(&self) -> &str {
        &self.name[..self.rank_bytes]
    }

    /// The weight of the best text in which a word occurs; 0 if it occurs in none.
    fn closeness(&self, word: &Word) -> u32 {
        [(&self.name, 16), (&self.category, 6), (&self.description, 2)]
            .into_iter()
            .map(|(text, weight)| weight * word.closeness(text))
            .max()
            .unwrap_or(0)
    }
}

/// One page of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultPage<T> {
    /// The products of the page, in order.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<Position>,
    /// The number of matching products on all pages.
    pub total: usize,
    /// Whether no product matches the words exactly, so that these are approximate matches.
    pub is_approximate: bool,
}

/// The part of `products` that matches, after `after`, at most `limit` of them.
pub fn page<'a>(
    products: impl Iterator<Item = (&'a Product, &'a Texts)>,
    query: &Query,
    after: Option<&Position>,
    limit: usize,
) -> ResultPage<&'a Product> {
    let (products, texts): (Vec<_>, Vec<_>) = products.unzip();
    let query = query.tolerating(&texts);
    let relevant = products.into_iter().zip(texts).filter_map(|(product, texts)| {
        Some(rank::Found::new(query.sort, query.relevance(product, texts)?, product, texts))
    });
    let found: Vec<_> = relevant.collect();
    let total = found.len();
    let (items, next) = rank::page(found, after, limit);
    let is_approximate = total > 0 && query.words.iter().any(|word| word.is_tolerant);
    ResultPage { items, next, total, is_approximate }
}

/// The products that match the query in all categories.
pub fn everywhere<'a>(
    products: &[(&'a Product, &'a Texts)],
    query: &Query,
) -> impl Iterator<Item = &'a Product> {
    let texts: Vec<_> = products.iter().map(|(_, texts)| *texts).collect();
    let query = Query { category: None, ..query.tolerating(&texts) };
    let matches = move |(product, texts): &(&'a Product, &'a Texts)| {
        query.relevance(product, texts).map(|_| *product)
    };
    products.iter().filter_map(matches).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests;
