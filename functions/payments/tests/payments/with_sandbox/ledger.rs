//! The books.

use super::wire::*;
use payments::audit::Entry;

use axum::body::Body;
use chassis::auth::testing::Issuer;
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore, Store};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use payments::ledger::Account;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn ledger(payments: &Service<MemoryStore>, role: &str, query: &str) -> (StatusCode, Value) {
    get(payments, role, &format!("/api/v1/payments/ledger{query}")).await
}

async fn get(payments: &Service<MemoryStore>, role: &str, uri: &str) -> (StatusCode, Value) {
    let token = Issuer::new().token("usr_1", &[role]);
    let request = Request::get(uri)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    let answer = api(payments.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_ledger_is_for_administrators() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    assert_eq!(ledger(&payments, "customer", "").await.0, StatusCode::FORBIDDEN);
    let (status, first) = ledger(&payments, "admin", "?limit=1").await;
    assert_eq!(status, StatusCode::OK);
    let posting = json!({
        "id": "pay_1.3.1", "order_id": ORDER, "account": "customer_funds", "amount": -500,
        "currency": "EUR", "at": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(first["items"], json!([posting]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = ledger(&payments, "admin", &format!("?limit=1&cursor={cursor}")).await;
    assert_eq!(second["items"][0]["account"], "psp_clearing");
    assert_eq!(second["items"][0]["amount"], 500);
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(ledger(&payments, "admin", "?cursor=x").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_ledger_is_read_in_pages_without_gaps() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    for number in 0..5 {
        let id = format!("pay_{number}");
        let amount = Money::new(100 + number, "EUR");
        payments.authorize(&id, ORDER, amount, "tok_approved").await.unwrap();
        payments.capture(&id).await.unwrap();
    }
    let all = books(&payments).await;
    assert_eq!(all.len(), 10);
    for limit in [1, 2, 3, 7] {
        let mut pages = Vec::new();
        let mut from = None;
        loop {
            let (page, rest) = payments.ledger(from, limit).await.unwrap();
            assert!(page.len() <= limit);
            pages.extend(page);
            from = rest;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(pages, all, "{limit}");
    }
}

#[tokio::test]
async fn the_power_may_go_off_at_any_moment() {
    for operations in 0..60 {
        let (wire, disk) = (Wire::new(), MemoryStore::new());
        let dying = service(FailingStore::after(operations, disk.clone()), &wire);
        let first = async {
            dying.authorize(ID, ORDER, Money::new(500, "EUR"), "tok_approved").await?;
            dying.capture(ID).await?;
            dying.cancel(ID, ORDER).await
        };
        let ended = first.await.is_ok();
        let payments = service(disk, &wire);
        let taken = at_the_provider(&wire).await;
        if let Ok(payment) = payments.get(ID).await
            && !payment.barred
        {
            payments.authorize(ID, ORDER, Money::new(500, "EUR"), "tok_approved").await.unwrap();
            payments.capture(ID).await.unwrap();
            assert_eq!(balance(&books(&payments).await, Account::PspClearing), 500);
        } else if taken > 0 {
            payments.get(ID).await.unwrap();
        }
        payments.cancel(ID, ORDER).await.unwrap();
        let postings = books(&payments).await;
        assert!(postings.len() == 4 || postings.is_empty(), "{operations}: {postings:?}");
        let total: i64 = postings.iter().map(|posting| posting.amount.amount).sum();
        assert_eq!(total, 0);
        assert_eq!(balance(&postings, Account::PspClearing), 0, "{operations}");
        assert_eq!(at_the_provider(&wire).await, 0, "{operations}");
        if ended {
            return;
        }
    }
    panic!("a payment takes more operations than expected");
}

#[tokio::test]
async fn every_payment_is_in_the_books_in_the_order_of_its_coming() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    let amount = |n: i64| Money::new(100 + n, "EUR");
    for n in 0..5 {
        payments.authorize(&format!("pay_{n}"), ORDER, amount(n), "tok_approved").await.unwrap();
    }
    payments.capture("pay_3").await.unwrap();
    payments.capture("pay_1").await.unwrap();
    payments.cancel("pay_1", ORDER).await.unwrap();
    payments.cancel("pay_2", ORDER).await.unwrap();
    payments.cancel("pay_9", ORDER).await.unwrap();
    let figures = |entry: &Entry| (entry.captured, entry.refunded, entry.held);
    let expected = [(0, 0, 100), (101, 101, 0), (0, 0, 0), (103, 0, 0), (0, 0, 104), (0, 0, 0)];
    for limit in [1, 4, 100] {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = payments.entries(after, limit).await.unwrap();
            found.extend(page.entries.iter().map(figures));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(found, expected, "{limit}");
    }
    payments.pull().await.unwrap();
    let (postings, next) = payments.stretch(0).await.unwrap();
    assert_eq!((postings.len(), next, adds_up(&postings)), (6, None, true));
}

#[tokio::test]
async fn an_administrator_sees_what_has_happened_to_a_payment() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    let look = |id: &'static str, role: &'static str| {
        let payments = payments.clone();
        async move { get(&payments, role, &format!("/api/v1/admin/payments/{id}")).await }
    };
    let (status, payment) = look(ID, "admin").await;
    assert_eq!((status, &payment["status"]), (StatusCode::OK, &json!("captured")));
    let events = payment["events"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["authorization_asked", "authorized", "captured"]);
    assert_eq!(events[2]["at"], "2027-01-15T08:00:00.000Z");
    assert_eq!((&payment["captured"], &payment["deviation"]), (&json!(500), &Value::Null));
    assert_eq!(look("pay_9", "admin").await.0, StatusCode::NOT_FOUND);
    assert_eq!(look(ID, "customer").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_two_sides_of_the_ledger_come_from_two_sources() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    assert!(!adds_up(&postings(&payments).await), "the provider's statement was not read yet");
    payments.pull().await.unwrap();
    assert!(adds_up(&postings(&payments).await));

    // A provider whose statement differs from its responses is detected.
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    let key = wire.store.keys().into_iter().find(|key| key.starts_with("charge:")).unwrap();
    let charge = wire.store.get(&key).await.unwrap().unwrap();
    let charge = String::from_utf8(charge).unwrap();
    let charge = charge.replace(r#""kind":"capture","value":500"#, r#""kind":"capture","value":5"#);
    wire.store.set(&key, charge.as_bytes()).await.unwrap();
    let found = books(&payments).await;
    assert_eq!(balance(&found, Account::PspClearing), 5);
    assert!(!adds_up(&found));
}

#[tokio::test]
async fn a_line_of_the_statement_about_an_unknown_payment_is_in_the_books() {
    let wire = Wire::new();
    authorize(&service(MemoryStore::new(), &wire), "tok_approved").await.unwrap();
    service(MemoryStore::new(), &wire).pull().await.unwrap();
    let other = service(MemoryStore::new(), &wire);
    let charge = wire.sandbox().find_by_key(ID).await.unwrap();
    wire.sandbox().capture(&charge.id).await.unwrap();
    other.pull().await.unwrap();
    let entries = other.entries(0, 100).await.unwrap().entries;
    assert_eq!((entries.len(), entries[0].order_id.as_str()), (1, ""));
    assert!(!adds_up(&postings(&other).await));
    assert_eq!(other.order_of(ID).await.unwrap(), "");
}

#[tokio::test]
async fn a_statement_that_is_read_again_books_nothing_twice() {
    let wire = Wire::new();
    for operations in 0..30 {
        let disk = MemoryStore::new();
        let payments = service(disk.clone(), &wire);
        authorize(&payments, "tok_approved").await.unwrap();
        payments.capture(ID).await.unwrap();
        let dying = service(FailingStore::after(operations, disk.clone()), &wire);
        let ended = dying.pull().await.is_ok();
        let found = books(&payments).await;
        assert_eq!((found.len(), adds_up(&found)), (2, true), "{operations}: {found:?}");
        if ended {
            return;
        }
    }
    panic!("reading takes more operations than expected");
}

/// Old payments, without amounts and statement, keep both lines, once.
#[tokio::test]
async fn old_payments_keep_their_books() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    let payments = service(disk.clone(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    let key = format!("payment:{ID}");
    let record = String::from_utf8(disk.get(&key).await.unwrap().unwrap()).unwrap();
    let sum = r#","amount":{"amount":500,"currency":"EUR"}}"#;
    let (head, captured) = record.rsplit_once(r#""type":"captured""#).unwrap();
    let old = format!(r#"{head}"type":"captured"{}"#, captured.replace(sum, "}"));
    assert_ne!(old, record);
    disk.set(&key, old.as_bytes()).await.unwrap();
    let found = books(&payments).await;
    assert_eq!((found.len(), adds_up(&found)), (2, true), "{found:?}");
    assert!(payments.entries(0, 100).await.unwrap().entries[0].unstated);
    payments.cancel(ID, ORDER).await.unwrap();
    let found = books(&payments).await;
    assert_eq!((found.len(), adds_up(&found)), (4, true), "{found:?}");
    assert_eq!(balance(&found, Account::CustomerFunds), 0);
}
