#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::tests::{event, sound};
use crate::domain::{DeadLetter, ORDERS_SOURCE, Reason};
use crate::service::tests::Shop;
use chassis::testing::{Client, Issuer};
use serde_json::{Value, json};

async fn call(shop: &Shop, method: &str, uri: &str, role: &str, body: &str) -> (u16, Value) {
    let keys = Issuer::new().key_set();
    let client = Client::new(router(Api { sources: shop.clone(), log: shop.clone(), keys }));
    let client = client.signed_in("usr_1", &[role]).with("content-type", "application/json");
    client.text(method, &format!("/api/v1/admin{uri}"), body).await.parts()
}

async fn get(shop: &Shop, uri: &str) -> (u16, Value) {
    call(shop, "GET", uri, "admin", "").await
}

fn with_letters(count: u8) -> Shop {
    let shop = Shop::sound();
    let letter = |number| DeadLetter {
        id: format!("dl_{number}"),
        subscription: "notifications".to_owned(),
        entry: event(ORDERS_SOURCE, &sound().orders[0].id, 2, "confirmed"),
        reason: Reason::AttemptsExhausted,
        detail: "503".to_owned(),
        attempts: 16,
        first_seen_at: 0,
        died_at: 1_000,
    };
    shop.books.lock().unwrap().dead_letters = (0..count).map(letter).collect();
    shop
}

#[tokio::test]
async fn sound_books_have_no_violations() {
    let (status, report) = get(&Shop::sound(), "/reconciliation?quiescent=true").await;
    assert_eq!((status, &report["violations"]), (200, &json!([])));
    assert!(chassis::clock::parse_rfc3339(report["checked_at"].as_str().unwrap()).is_some());
    assert_eq!(report["checked"]["orders"], 5);
}

#[tokio::test]
async fn a_violation_is_reported_with_its_rule_detail_and_ids() {
    let shop = Shop::sound();
    let ids = {
        let mut books = shop.books.lock().unwrap();
        books.payments[3].held = 500;
        [books.payments[3].order_id.clone(), books.payments[3].id.clone()]
    };
    let (status, report) = get(&shop, "/reconciliation").await;
    let expected = json!([{"rule": "money-held", "detail": "500 EUR held", "ids": ids}]);
    assert_eq!(report["next_cursor"], Value::Null);
    assert_eq!((status, &report["violations"]), (200, &expected));
}

#[tokio::test]
async fn only_administrators_have_access() {
    let shop = with_letters(1);
    for (method, uri) in [
        ("GET", "/reconciliation"),
        ("GET", "/subscriptions"),
        ("GET", "/dead-letters"),
        ("POST", "/dead-letters/dl_0/replay"),
        ("DELETE", "/dead-letters/dl_0"),
        ("POST", "/subscriptions/notifications/replay"),
        ("POST", "/subscriptions/notifications/keys/ord_1/replay"),
    ] {
        assert_eq!(call(&shop, method, uri, "customer", "{}").await.0, 403, "{uri}");
    }
    assert!(shop.replayed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn malformed_parameters_are_refused() {
    let shop = Shop::sound();
    for query in ["quiescent=maybe", "in_flight_ms=-1", "in_flight_ms=999999999999", "cursor=x"] {
        assert_eq!(get(&shop, &format!("/reconciliation?{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn an_unreadable_book_is_reported_as_unavailable() {
    let (status, problem) = get(&Shop::without("payments"), "/reconciliation").await;
    assert_eq!((status, &problem["type"]), (503, &json!("/problems/unavailable")));
    assert!(problem["detail"].as_str().unwrap().contains("payments"));
}

#[tokio::test]
async fn subscriptions_are_listed() {
    let (status, list) = get(&Shop::sound(), "/subscriptions").await;
    let expected = json!({"items": [{
        "name": "notifications", "components": ["notifications"],
        "types": ["com.shop.orders.order.*"], "lag": 0, "lag_ms": 0, "held": 0,
        "retrying": 0, "dead": 0,
    }], "next_cursor": null});
    assert_eq!((status, list), (200, expected));
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages_with_their_events() {
    let shop = with_letters(3);
    let (status, first) = get(&shop, "/dead-letters?limit=2").await;
    assert_eq!(status, 200);
    let letter = &first["items"][0];
    assert_eq!(letter["reason"], "attempts_exhausted");
    assert_eq!(letter["first_seen_at"], "1970-01-01T00:00:00.000Z");
    assert_eq!(letter["event"]["specversion"], "1.0");
    assert_eq!(letter["event"]["sequence"], "2");
    assert_eq!(letter["event"]["data"]["status"], "confirmed");
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&shop, &format!("/dead-letters?limit=2&cursor={cursor}")).await;
    assert_eq!(second["items"][0]["id"], "dl_2");
    // The log may cut a page off before it is full: only an empty one is the last.
    let cursor = second["next_cursor"].as_str().unwrap();
    let (_, last) = get(&shop, &format!("/dead-letters?limit=2&cursor={cursor}")).await;
    assert_eq!(last, json!({"items": [], "next_cursor": null}));
    assert_eq!(get(&shop, "/dead-letters?cursor=x").await.0, 400);
}

#[tokio::test]
async fn a_dead_letter_is_replayed() {
    let shop = with_letters(1);
    assert_eq!(call(&shop, "POST", "/dead-letters/dl_0/replay", "admin", "").await.0, 202);
    assert_eq!(call(&shop, "POST", "/dead-letters/dl_9/replay", "admin", "").await.0, 404);
    assert_eq!(*shop.replayed.lock().unwrap(), ["dl_0"]);
}

#[tokio::test]
async fn the_events_of_a_key_are_replayed_and_a_dead_letter_is_discarded() {
    let shop = with_letters(1);
    let (status, answer) =
        call(&shop, "POST", "/subscriptions/history/keys/a%2Fb/replay", "admin", "").await;
    assert_eq!((status, answer), (202, json!({"events": 2})));
    assert_eq!(call(&shop, "DELETE", "/dead-letters/dl_0", "admin", "").await.0, 204);
    assert_eq!(call(&shop, "DELETE", "/dead-letters/dl_9", "admin", "").await.0, 404);
    assert_eq!(*shop.replayed.lock().unwrap(), ["history a/b", "not dl_0"]);
}

#[tokio::test]
async fn a_period_is_replayed() {
    let shop = Shop::sound();
    let replay = |body: &'static str| {
        let shop = shop.clone();
        async move { call(&shop, "POST", "/subscriptions/history/replay", "admin", body).await }
    };
    let good = r#"{"from":"1970-01-01T00:00:01Z","until":"1970-01-01T00:00:02Z"}"#;
    assert_eq!(replay(good).await, (202, json!({"events": 3})));
    assert_eq!(*shop.replayed.lock().unwrap(), ["history 1000 2000"]);
    for (body, pointer) in [
        (r#"{"from":"1970-01-01T00:00:02Z","until":"1970-01-01T00:00:02Z"}"#, "/until"),
        (r#"{"from":"yesterday","until":"1970-01-01T00:00:02Z"}"#, "/from"),
        (r#"{"until":"1970-01-01T00:00:02Z"}"#, "/from"),
    ] {
        let (status, problem) = replay(body).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
}
