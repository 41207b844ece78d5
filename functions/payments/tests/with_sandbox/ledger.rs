//! The books.

use crate::wire::*;
use payments::audit::{Entry, sums};

use axum::body::Body;
use chassis::auth::testing::Issuer;
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore};
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
        "id": "pay_1.3.1", "order_id": ORDER, "account": "psp_clearing", "amount": 500,
        "currency": "EUR", "at": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(first["items"], json!([posting]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = ledger(&payments, "admin", &format!("?limit=1&cursor={cursor}")).await;
    assert_eq!(second["items"][0]["account"], "customer_funds");
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
    let (postings, next) = payments.transactions(0).await.unwrap();
    assert_eq!((postings.len(), next), (6, None));
    assert_eq!(sums(&postings), [Money::new(0, "EUR")]);
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
    assert_eq!(look("pay_9", "admin").await.0, StatusCode::NOT_FOUND);
    assert_eq!(look(ID, "customer").await.0, StatusCode::FORBIDDEN);
}
