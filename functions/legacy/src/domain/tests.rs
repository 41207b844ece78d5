#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const NOON_MS: u64 = 1_769_860_800_000;

fn order(articles: &[(&str, u32)]) -> Result<Order, String> {
    let articles: Vec<_> =
        articles.iter().map(|(id, pieces)| ((*id).to_owned(), *pieces)).collect();
    Order::place("1001", &articles, NOON_MS)
}

#[test]
fn an_order_has_the_prices_of_the_list() {
    let order = order(&[("OLD-0001", 2), ("OLD-0003", 1)]).unwrap();
    assert_eq!((order.total.as_str(), order.currency.as_str()), ("16.95", "EUR"));
    assert_eq!(order.articles[0].price, "6.50");
    assert_eq!(order.created, "2026-01-31 12:00:00");
}

#[test]
fn what_the_shop_does_not_sell_is_refused() {
    for articles in [&[][..], &[("OLD-0009", 1)], &[("OLD-0001", 0)], &[("OLD-0001", 101)]] {
        assert!(order(articles).is_err(), "{articles:?}");
    }
    assert!(order(&[("OLD-0001", 1); LINES_MAX + 1]).is_err());
}

#[test]
fn amounts_and_addresses_are_recognized() {
    assert!(["0.00", "16.95", "123456789.00"].iter().all(|text| is_amount(text)));
    for text in ["", "1", "1.", "1.5", "-1.00", "1.000", "1,00", "1234567890.00"] {
        assert!(!is_amount(text), "{text}");
    }
    assert!(is_address("ada@example.org"));
    for text in ["", "ada", "@example.org", "ada@", "ada@host", "a b@example.org", "a@b@c.d"] {
        assert!(!is_address(text), "{text}");
    }
}

#[test]
fn a_row_is_published_when_it_has_changed() {
    let order = order(&[("OLD-0001", 1)]).unwrap();
    let mut row = Row::own(Content::Order { customer: 17, order });
    assert!(row.publish(NOON_MS, false).unwrap());
    assert!(!row.publish(NOON_MS, true).unwrap(), "nothing has changed");
    let Content::Order { order, .. } = &mut row.content else { panic!("an order") };
    order.total = "1.00".to_owned();
    assert!(row.publish(NOON_MS, true).unwrap());
    let ids: Vec<_> = row.outbox.pending().iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["1001.1", "1001.2"]);
    let data: serde_json::Value = serde_json::from_str(&row.outbox.pending()[1].data).unwrap();
    assert_eq!((&data["customer"], &data["total"]), (&17.into(), &"1.00".into()));
    assert_eq!(data["past"], true);
}

#[test]
fn a_copy_is_never_published() {
    let order = order(&[("OLD-0001", 1)]).unwrap();
    let mut row = Row::copy(Content::Order { customer: 17, order }, 3);
    assert!(!row.publish(NOON_MS, true).unwrap());
    assert!(row.outbox.is_empty());
}
