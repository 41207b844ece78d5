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

/// A page of SKUs.
fn search(
    shop: &[Product],
    query: &Query,
    after: Option<&Position>,
    limit: usize,
) -> ResultPage<String> {
    let texts: Vec<Texts> = shop.iter().map(Texts::of).collect();
    let ResultPage { items, next, total, is_approximate } =
        page(shop.iter().zip(&texts), query, after, limit);
    let items = items.into_iter().map(|product| product.sku.clone()).collect();
    ResultPage { items, next, total, is_approximate }
}

fn find(text: &str, category: Option<&str>) -> Vec<String> {
    search(&shop(), &Query::new(text, category), None, 100).items
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
        let found = search(&shop, &query, None, 100);
        assert_eq!((found.total, found.is_approximate), (0, false), "{text}");
        let all: Vec<_> = shop.iter().zip(&texts).collect();
        assert_eq!(everywhere(&all, &query).count(), 0, "{text}");
    }
    assert_eq!(find("* torch", None), ["KIT-1"]);
}

#[test]
fn a_product_added_before_the_cursor_does_not_shift_the_next_page() {
    let mut shop = shop();
    let query = Query::new("", None);
    let next = search(&shop, &query, None, 2).next;
    shop.push(product("AAA-1", "Aardvark", "Toys", "Soft."));
    assert_eq!(search(&shop, &query, next.as_ref(), 1).items, ["LGT-1"]);
}

#[test]
fn long_names_are_ordered_by_their_beginning_and_then_by_sku() {
    let name = |end: &str| format!("{}{end}", "é".repeat(rank::NAME_CHARS));
    let shop = [product("B", &name("a"), "", ""), product("A", &name("b"), "", "")];
    let found = search(&shop, &Query::new("", None), None, 1);
    assert_eq!(found.items, ["A"]);
    assert_eq!(found.next.unwrap().name, "e".repeat(40));
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
    let find = |text| search(&shop, &Query::new(text, None), None, 9).items;
    assert_eq!(find("lgt-000"), ["LGT-0001", "LGT-0002"]);
    assert_eq!(find("LGT-0003"), Vec::<String>::new());
}

#[test]
fn one_typing_error_still_matches_and_is_reported() {
    let find = |text: &str| {
        let found = search(&shop(), &Query::new(text, None), None, 100);
        (found.items.concat(), found.is_approximate)
    };
    for text in ["knfie", "knive", "bread knifee", "braed knife"] {
        assert_eq!(find(text), ("KIT-2".to_owned(), true), "{text}");
    }
    assert_eq!(find("knife"), ("KIT-2".to_owned(), false), "there is an exact match");
    assert_eq!(find("xylophone"), (String::new(), false));
    assert_eq!(find("kinfe xylophone"), (String::new(), false), "every word must be found");
}

#[test]
fn prices_are_a_filter_and_an_order() {
    let shop = [priced("A", "Pan", 900), priced("B", "Pot", 300), priced("C", "Lid", 300)];
    let find = |query: Query| search(&shop, &query, None, 9).items;
    let all = || Query::new("", None);
    assert_eq!(find(all().sorted(Sort::PriceUp)), ["C", "B", "A"]);
    assert_eq!(find(all().sorted(Sort::PriceDown)), ["A", "C", "B"]);
    assert_eq!(find(all().sorted(Sort::Name)), ["C", "A", "B"]);
    assert_eq!(find(all().priced(301..=900)), ["A"]);
    assert_eq!(find(all().priced(301..=899)), Vec::<String>::new());
    let first = search(&shop, &all().sorted(Sort::PriceUp), None, 1);
    let rest = search(&shop, &all().sorted(Sort::PriceUp), first.next.as_ref(), 9);
    assert_eq!(rest.next, None);
    assert_eq!([first.items, rest.items].concat(), ["C", "B", "A"]);
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
    let goods = include_str!("../../../importer/data/products.json");
    let goods: Vec<serde_json::Value> = serde_json::from_str(goods).unwrap();
    let of_json = |it: &serde_json::Value| {
        let text = |name: &str| it[name].as_str().unwrap();
        product(text("sku"), text("name"), text("category"), text("description"))
    };
    let goods: Vec<Product> = goods.iter().map(of_json).collect();
    let html = include_str!("../../../storefront/assets/index.html");
    let placeholder = html.split("placeholder=\"Search for ").nth(1).unwrap();
    let examples: Vec<_> = placeholder.split('"').next().unwrap().split(',').collect();
    assert!(examples.len() > 2);
    for example in examples {
        let words = example.trim_end_matches(['…', ' ']);
        let found = search(&goods, &Query::new(words, None), None, 1);
        assert!(found.total > 0 && !found.is_approximate, "{words} finds {found:?}");
    }
    let texts: Vec<Texts> = goods.iter().map(Texts::of).collect();
    for product in &goods {
        let found = page(goods.iter().zip(&texts), &Query::new(&product.sku, None), None, 2);
        assert_eq!(found.items, [product]);
    }
}
