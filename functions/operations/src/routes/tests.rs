#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::tests::{event, sound};
use crate::domain::{Audit, DeadLetter, ORDERS_SOURCE, Reason};
use crate::service::tests::Shop;
use chassis::testing::Client;
use serde_json::{Value, json};

impl Shop {
    /// A request below `/api/v1/admin`, of a user with this role.
    pub(crate) async fn call(
        &self,
        method: &str,
        uri: &str,
        role: &str,
        body: &str,
    ) -> (u16, Value) {
        let client = Client::new(router(self.clone()));
        let client = client.signed_in("usr_1", &[role]).with("content-type", "application/json");
        client.text(method, &format!("/api/v1/admin{uri}"), body).await.parts()
    }
}

async fn get(shop: &Shop, uri: &str) -> (u16, Value) {
    shop.call("GET", uri, "admin", "").await
}

async fn post(shop: &Shop, uri: &str) -> (u16, Value) {
    shop.call("POST", uri, "admin", "").await
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
    let shop = Shop::sound();
    assert_eq!(get(&shop, "/reconciliation").await.0, 404);
    let (status, report) = post(&shop, "/reconciliation?quiescent=true").await;
    assert_eq!((status, &report["violations"]), (200, &json!([])));
    assert!(chassis::clock::parse_rfc3339(report["checked_at"].as_str().unwrap()).is_some());
    assert_eq!(report["checked"]["orders"], 5);
    assert_eq!((&report["complete"], &report["reading"]), (&json!(true), &Value::Null));
    assert_eq!(get(&shop, "/reconciliation").await, (200, report));
}

#[tokio::test]
async fn a_violation_is_reported_with_its_rule_detail_and_ids() {
    let shop = Shop::sound();
    let ids = {
        let mut books = shop.books.lock().unwrap();
        books.payments[3].held = 500;
        [books.payments[3].order_id.clone(), books.payments[3].id.clone()]
    };
    let (status, report) = post(&shop, "/reconciliation").await;
    let expected = json!([{"rule": "money-held", "detail": "500 EUR held", "ids": ids}]);
    assert_eq!((status, &report["violations"]), (200, &expected));
}

#[tokio::test]
async fn only_administrators_have_access() {
    let shop = with_letters(1);
    for (method, uri) in [
        ("GET", "/reconciliation"),
        ("POST", "/reconciliation"),
        ("POST", "/sweep"),
        ("GET", "/subscriptions"),
        ("GET", "/dead-letters"),
        ("POST", "/dead-letters/dl_0/replay"),
        ("DELETE", "/dead-letters/dl_0"),
        ("POST", "/subscriptions/notifications/replay"),
        ("POST", "/subscriptions/notifications/keys/ord_1/replay"),
    ] {
        assert_eq!(shop.call(method, uri, "customer", "{}").await.0, 403, "{uri}");
    }
    assert!(shop.replayed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn malformed_parameters_are_refused() {
    let shop = Shop::sound();
    for query in ["quiescent=maybe", "in_flight_ms=-1", "in_flight_ms=999999999999"] {
        assert_eq!(post(&shop, &format!("/reconciliation?{query}")).await.0, 400, "{query}");
    }
    assert_eq!(get(&shop, "/reconciliation").await.0, 404, "nothing has begun");
}

#[tokio::test]
async fn a_run_that_is_not_complete_says_how_far_it_is() {
    let (status, report) = post(&Shop::without(Audit::Payments), "/reconciliation").await;
    assert_eq!((status, &report["complete"]), (202, &json!(false)));
    assert_eq!(
        (&report["reading"], &report["blocked_by"]),
        (&json!("payments"), &json!("payments"))
    );
    assert_eq!((&report["parts_checked"], &report["parts"]), (&json!(0), &json!(64)));
}

/// The sweep continues what a request has begun.
#[tokio::test]
async fn the_sweep_completes_a_run() {
    let shop = Shop::without(Audit::Payments);
    post(&shop, "/reconciliation").await;
    shop.repair();
    let swept = Client::new(router(shop.clone())).text("POST", "/sweep", "").await;
    assert_eq!(swept.status, 204);
    assert_eq!(get(&shop, "/reconciliation").await.1["complete"], true);
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
    assert_eq!(post(&shop, "/dead-letters/dl_0/replay").await.0, 202);
    assert_eq!(post(&shop, "/dead-letters/dl_9/replay").await.0, 404);
    assert_eq!(*shop.replayed.lock().unwrap(), ["dl_0"]);
}

#[tokio::test]
async fn the_events_of_a_key_are_replayed_and_a_dead_letter_is_discarded() {
    let shop = with_letters(1);
    let replayed = post(&shop, "/subscriptions/history/keys/a%2Fb/replay").await;
    assert_eq!(replayed, (202, json!({"events": 2})));
    assert_eq!(shop.call("DELETE", "/dead-letters/dl_0", "admin", "").await.0, 204);
    assert_eq!(shop.call("DELETE", "/dead-letters/dl_9", "admin", "").await.0, 404);
    assert_eq!(*shop.replayed.lock().unwrap(), ["history a/b", "not dl_0"]);
}

#[tokio::test]
async fn a_period_is_replayed() {
    let shop = Shop::sound();
    let replay = |body: &'static str| {
        let shop = shop.clone();
        async move { shop.call("POST", "/subscriptions/history/replay", "admin", body).await }
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
