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
    after: Option<&Position>,
    limit: usize,
) -> (Vec<String>, Option<Position>) {
    let texts: Vec<Texts> = shop.iter().map(Texts::of).collect();
    let answer = page(shop.iter().zip(&texts), query, after, limit);
    (answer.items.into_iter().map(|product| product.sku.clone()).collect(), answer.next)
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
fn an_empty_query_returns_everything_by_name() {
    let names = ["KIT-2", "KIT-1", "LGT-1", "TOY-1", "LGT-2", "LGT-3"];
    assert_eq!(find("", None), names);
    assert_eq!(find("   ", None), names);
    assert_eq!(find("", Some("")), names);
}

#[test]
fn symbols_alone_match_nothing() {
    let (shop, texts) = (shop(), shop().iter().map(Texts::of).collect::<Vec<_>>());
    for text in ["*", "-", "  !? ", "%", "🎁"] {
        let query = Query::new(text, None);
        let answer = page(shop.iter().zip(&texts), &query, None, 100);
        assert_eq!((answer.total, answer.is_approximate), (0, false), "{text}");
        let all: Vec<_> = shop.iter().zip(&texts).collect();
        assert_eq!(everywhere(&all, &query).count(), 0, "{text}");
    }
    assert_eq!(find("* torch", None), ["KIT-1"]);
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
    let name = |end: &str| format!("{}{end}", "é".repeat(rank::NAME_CHARS));
    let shop = [product("B", &name("a"), "", ""), product("A", &name("b"), "", "")];
    let (found, next) = turn(&shop, &Query::new("", None), None, 1);
    assert_eq!((found, next.unwrap().name.as_str()), (vec!["A".to_owned()], &*"e".repeat(40)));
}

#[test]
fn only_the_first_words_of_a_long_query_count() {
    let text = format!("{} nonsense", "lamp ".repeat(QUERY_WORDS_MAX));
    assert_eq!(find(&text, None), ["LGT-1", "LGT-2", "LGT-3"]);
}

fn priced(sku: &str, name: &str, amount: i64) -> Product {
    let mut product = product(sku, name, "Kitchen", "");
    product.details.price.amount = amount;
    product
}

#[test]
fn a_sku_or_its_beginning_finds_the_product() {
    for text in ["KIT-1", "kit-1", "Kit 1", "kit1"] {
        assert_eq!(find(text, None), ["KIT-1"], "{text}");
    }
    let shop: Vec<_> =
        ["LGT-0001", "LGT-0002", "LGT-0010"].map(|sku| product(sku, "Lamp", "Lighting", "")).into();
    assert_eq!(turn(&shop, &Query::new("lgt-000", None), None, 9).0, ["LGT-0001", "LGT-0002"]);
    assert_eq!(turn(&shop, &Query::new("LGT-0003", None), None, 9).0, Vec::<String>::new());
}

#[test]
fn one_typing_error_still_matches_and_is_reported() {
    let (shop, texts) = (shop(), shop().iter().map(Texts::of).collect::<Vec<_>>());
    let answer = |text: &str| {
        let answer = page(shop.iter().zip(&texts), &Query::new(text, None), None, 100);
        let skus: Vec<_> = answer.items.iter().map(|product| product.sku.clone()).collect();
        (skus, answer.is_approximate)
    };
    for text in ["knfie", "knive", "bread knifee", "braed knife"] {
        assert_eq!(answer(text), (vec!["KIT-2".to_owned()], true), "{text}");
    }
    assert_eq!(answer("knife"), (vec!["KIT-2".to_owned()], false), "what fits is not widened");
    assert_eq!(answer("xylophone"), (vec![], false));
    assert_eq!(answer("kinfe xylophone"), (vec![], false), "every word must be found");
}

#[test]
fn prices_are_a_filter_and_an_order() {
    let shop = [priced("A", "Pan", 900), priced("B", "Pot", 300), priced("C", "Lid", 300)];
    let find = |query: Query| turn(&shop, &query, None, 9).0;
    let all = || Query::new("", None);
    assert_eq!(find(all().sorted(Sort::PriceUp)), ["C", "B", "A"]);
    assert_eq!(find(all().sorted(Sort::PriceDown)), ["A", "C", "B"]);
    assert_eq!(find(all().sorted(Sort::Name)), ["C", "A", "B"]);
    assert_eq!(find(all().priced(301..=900)), ["A"]);
    assert_eq!(find(all().priced(301..=899)), Vec::<String>::new());
    let (first, next) = turn(&shop, &all().sorted(Sort::PriceUp), None, 1);
    let (rest, end) = turn(&shop, &all().sorted(Sort::PriceUp), next.as_ref(), 9);
    assert_eq!((first.concat() + &rest.concat(), end), ("CBA".to_owned(), None));
}

#[test]
fn cursors_belong_to_one_order_and_price_range() {
    let all = || Query::new("pan", None);
    let scopes = [
        all().scope(),
        all().sorted(Sort::PriceUp).scope(),
        all().sorted(Sort::PriceDown).scope(),
        all().priced(1..=2).scope(),
        Query::new("pan", Some("kitchen")).scope(),
    ];
    let distinct: std::collections::HashSet<_> = scopes.iter().collect();
    assert_eq!(distinct.len(), scopes.len());
}

/// The suggestions of the search box must match initial products of the shop.
#[test]
fn the_examples_of_the_search_box_find_something() {
    let goods: Vec<Product> = serde_json::from_str::<Vec<serde_json::Value>>(include_str!(
        "../../../importer/data/products.json"
    ))
    .unwrap()
    .iter()
    .map(|it| {
        let text = |name: &str| it[name].as_str().unwrap();
        product(text("sku"), text("name"), text("category"), text("description"))
    })
    .collect();
    let html = include_str!("../../../storefront/assets/index.html");
    let placeholder = html.split("placeholder=\"Search for ").nth(1).unwrap();
    let examples: Vec<_> = placeholder.split('"').next().unwrap().split(',').collect();
    assert!(examples.len() > 2);
    for example in examples {
        let words = example.trim_end_matches(['…', ' ']);
        let texts: Vec<Texts> = goods.iter().map(Texts::of).collect();
        let answer = page_of(&goods, &texts, words);
        assert!(answer.0 > 0 && !answer.1, "{words} finds {answer:?}");
    }
    let texts: Vec<Texts> = goods.iter().map(Texts::of).collect();
    for product in &goods {
        let found = page(goods.iter().zip(&texts), &Query::new(&product.sku, None), None, 2);
        assert_eq!(found.items, [product]);
    }
}

fn page_of(goods: &[Product], texts: &[Texts], words: &str) -> (usize, bool) {
    let answer = page(goods.iter().zip(texts), &Query::new(words, None), None, 1);
    (answer.total, answer.is_approximate)
}
