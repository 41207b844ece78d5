//! Finding products by words.
//!
//! Every word of the query must begin a word of the product's name, category or
//! description, whatever the case and the accents: `creme bru` finds `Crème brûlée`.
//! Words in the name weigh more than words in the category, those more than words in the
//! description, whole words more than beginnings. A scan of a few thousand products is
//! cheaper than keeping an inverted index right in a store that swaps one key at a time.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::domain::Product;
use crate::text::{closeness, fold, slug, stem, words};

/// Characters of a query at most.
pub const QUERY_CHARS_MAX: usize = 200;
/// Words of a query that are looked at; the others are ignored.
pub const QUERY_WORDS_MAX: usize = 10;

/// Characters of the name that decide the order of equally relevant products. They travel
/// in cursors, which are short.
const PLACE_NAME_CHARS: usize = 40;

/// Words that say nothing about a product, ignored unless the query has no others.
const STOP_WORDS: [&str; 11] =
    ["a", "an", "and", "by", "for", "in", "of", "on", "the", "to", "with"];

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    words: Vec<String>,
    category: Option<String>,
}

impl Query {
    /// `text` is what a person typed; `category` a category's slug or name.
    pub fn new(text: &str, category: Option<&str>) -> Self {
        let folded = fold(text);
        let all = || words(&folded).map(stem);
        let mut chosen: Vec<String> =
            all().filter(|word| !STOP_WORDS.contains(word)).map(str::to_owned).collect();
        if chosen.is_empty() {
            chosen = all().map(str::to_owned).collect();
        }
        chosen.truncate(QUERY_WORDS_MAX);
        Query { words: chosen, category: category.map(slug).filter(|slug| !slug.is_empty()) }
    }

    /// How well a product fits; `None` if it does not.
    fn relevance(&self, texts: &Texts) -> Option<u32> {
        if self.category.as_ref().is_some_and(|wanted| *wanted != texts.slug) {
            return None;
        }
        let mut sum = 0;
        for wanted in &self.words {
            let best = [(&texts.name, 16), (&texts.category, 6), (&texts.description, 2)]
                .into_iter()
                .map(|(text, weight)| weight * closeness(text, wanted))
                .max()?;
            if best == 0 {
                return None;
            }
            sum += best;
        }
        let opens = self.words.first().is_some_and(|word| texts.name.starts_with(word.as_str()));
        Some(sum + u32::from(opens))
    }

    /// Tells queries with different answers apart: cursors are bound to it.
    pub fn scope(&self) -> String {
        let category = self.category.as_deref().unwrap_or_default();
        format!("products/{category}/{}", self.words.join(" "))
    }
}

/// A product's texts as they are searched. Folding them costs more than searching them, so
/// they are folded when the product is read, not for each query.
#[derive(Clone, Debug)]
pub struct Texts {
    name: String,
    /// Bytes of the name that decide the order of equally relevant products.
    place_bytes: usize,
    category: String,
    slug: String,
    description: String,
}

impl Texts {
    /// The texts of this product.
    pub fn of(product: &Product) -> Self {
        let details = &product.details;
        let name = fold(&details.name);
        let beginning = name.char_indices().nth(PLACE_NAME_CHARS);
        let place_bytes = beginning.map_or(name.len(), |(bytes, _)| bytes);
        Texts {
            name,
            place_bytes,
            category: fold(&details.category),
            slug: slug(&details.category),
            description: fold(&details.description),
        }
    }

    fn place_name(&self) -> &str {
        &self.name[..self.place_bytes]
    }
}

/// A product's place in an answer. Places are totally ordered and depend on nothing but
/// the product and the query, so a cursor that holds one stays good while others change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Higher comes first.
    #[serde(rename = "r")]
    pub relevance: u32,
    /// The beginning of the folded name: equally relevant products are ordered by it.
    #[serde(rename = "n")]
    pub name: String,
    /// Settles the rest.
    #[serde(rename = "s")]
    pub sku: String,
}

impl Place {
    fn rank(&self) -> Rank<'_> {
        (Reverse(self.relevance), &self.name, &self.sku)
    }
}

/// What places are compared by.
type Rank<'a> = (Reverse<u32>, &'a str, &'a str);

/// A product that fits.
struct Found<'a> {
    relevance: u32,
    product: &'a Product,
    texts: &'a Texts,
}

impl Found<'_> {
    fn rank(&self) -> Rank<'_> {
        (Reverse(self.relevance), self.texts.place_name(), &self.product.sku)
    }

    fn place(&self) -> Place {
        let (Reverse(relevance), name, sku) = self.rank();
        Place { relevance, name: name.to_owned(), sku: sku.to_owned() }
    }
}

/// The part of `products` that matches, in order, after `after`, at most `limit` of them,
/// and the place to go on from if there are more.
pub fn page<'a>(
    products: impl Iterator<Item = (&'a Product, &'a Texts)>,
    query: &Query,
    after: Option<&Place>,
    limit: usize,
) -> (Vec<&'a Product>, Option<Place>) {
    let mut found: Vec<Found<'a>> = products
        .filter_map(|(product, texts)| {
            Some(Found { relevance: query.relevance(texts)?, product, texts })
        })
        .filter(|found| after.is_none_or(|after| found.rank() > after.rank()))
        .collect();
    let more = found.len() > limit;
    if more {
        // Only what is shown need be in order.
        found.select_nth_unstable_by(limit, |one, other| one.rank().cmp(&other.rank()));
        found.truncate(limit);
    }
    found.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    let next = found.last().filter(|_| more).map(Found::place);
    (found.into_iter().map(|found| found.product).collect(), next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use chassis::money::Money;

    use super::*;
    use crate::domain::{CURRENCY, Details};

    fn product(sku: &str, name: &str, category: &str, description: &str) -> Product {
        Product {
            sku: sku.to_owned(),
            details: Details {
                name: name.to_owned(),
                description: description.to_owned(),
                category: category.to_owned(),
                price: Money { amount: 100, currency: CURRENCY.to_owned() },
            },
            updated_at: 0,
        }
    }

    fn shop() -> Vec<Product> {
        vec![
            product("KIT-2", "Bread Knife", "Kitchen", "Long and serrated."),
            product("KIT-1", "Crème Brûlée Torch", "Kitchen", "Browns sugar for four ramekins."),
            product("LGT-1", "Desk Lamp", "Lighting", "Good for reading in the kitchen."),
            product("LGT-2", "Lampshade", "Lighting", "Linen."),
            product("LGT-3", "Straßenlaterne", "Lighting", "A lamp for outside, with two glasses."),
            product("TOY-1", "Knights", "Toys", "Six of them."),
        ]
    }

    fn turn(
        shop: &[Product],
        query: &Query,
        after: Option<&Place>,
        limit: usize,
    ) -> (Vec<String>, Option<Place>) {
        let texts: Vec<Texts> = shop.iter().map(Texts::of).collect();
        let (found, next) = page(shop.iter().zip(&texts), query, after, limit);
        (found.into_iter().map(|product| product.sku.clone()).collect(), next)
    }

    fn find(text: &str, category: Option<&str>) -> Vec<String> {
        turn(&shop(), &Query::new(text, category), None, 100).0
    }

    #[test]
    fn case_and_accents_do_not_matter() {
        for text in ["CREME BRULEE", "crème brûlée", "creme bru", "brûlée, crème!"] {
            assert_eq!(find(text, None), ["KIT-1"], "{text}");
        }
        assert_eq!(find("STRASSEN", None), ["LGT-3"]);
    }

    #[test]
    fn whole_words_in_the_name_come_first_and_descriptions_last() {
        assert_eq!(find("lamp", None), ["LGT-1", "LGT-2", "LGT-3"]);
        assert_eq!(find("kitchen", None), ["KIT-2", "KIT-1", "LGT-1"]);
    }

    #[test]
    fn every_word_must_be_found() {
        assert_eq!(find("desk kitchen", None), ["LGT-1"]);
        assert_eq!(find("desk knights", None), Vec::<String>::new());
    }

    #[test]
    fn plurals_and_stop_words_do_not_hide_products() {
        assert_eq!(find("lamps for the desk", None), ["LGT-1"]);
        assert_eq!(find("glasses", None), ["LGT-3"]);
        assert_eq!(find("for", None).len(), 3);
    }

    #[test]
    fn a_category_is_named_by_slug_or_name() {
        assert_eq!(find("", Some("toys")), ["TOY-1"]);
        assert_eq!(find("", Some("Toys")), ["TOY-1"]);
        assert_eq!(find("lamp", Some("kitchen")), Vec::<String>::new());
    }

    #[test]
    fn nothing_asked_is_everything_by_name() {
        let names = ["KIT-2", "KIT-1", "LGT-1", "TOY-1", "LGT-2", "LGT-3"];
        assert_eq!(find("", None), names);
        assert_eq!(find("  !? ", None), names);
        assert_eq!(find("", Some("")), names);
    }

    #[test]
    fn pages_join_to_the_whole_without_gaps_or_repeats() {
        let shop = shop();
        let query = Query::new("", None);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let (found, next) = turn(&shop, &query, after.as_ref(), 2);
            seen.extend(found);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, find("", None));
    }

    #[test]
    fn a_product_added_before_the_cursor_does_not_shift_the_next_page() {
        let mut shop = shop();
        let query = Query::new("", None);
        let (_, next) = turn(&shop, &query, None, 2);
        shop.push(product("AAA-1", "Aardvark", "Toys", "Soft."));
        let (found, _) = turn(&shop, &query, next.as_ref(), 1);
        assert_eq!(found, ["LGT-1"]);
    }

    #[test]
    fn long_names_are_ordered_by_their_beginning_and_then_by_sku() {
        let name = |end: &str| format!("{}{end}", "é".repeat(PLACE_NAME_CHARS));
        let shop = [product("B", &name("a"), "", ""), product("A", &name("b"), "", "")];
        let (found, next) = turn(&shop, &Query::default(), None, 1);
        assert_eq!((found, next.unwrap().name.as_str()), (vec!["A".to_owned()], &*"e".repeat(40)));
    }

    #[test]
    fn only_the_first_words_of_a_long_query_count() {
        let text = format!("{} nonsense", "lamp ".repeat(QUERY_WORDS_MAX));
        assert_eq!(find(&text, None), ["LGT-1", "LGT-2", "LGT-3"]);
    }
}
