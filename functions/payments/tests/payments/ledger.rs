//! The books.

use super::wire::*;

use chassis::store::Store;
use chassis::testing::MemoryStore;
use payments::domain::Account;
use serde_json::{Value, json};

#[tokio::test]
async fn the_ledger_is_for_administrators() {
    const PATH: &str = "/api/v1/payments/ledger";
    let (_, payments) = captured().await;
    let client = client(&payments);
    client.customer("usr_1").get(PATH).await.expect_problem(403, "forbidden");
    let admin = client.admin();
    let first = admin.get(&format!("{PATH}?limit=1")).await.expect(200);
    let posting = json!({
        "id": "pay_1.3.1", "order_id": ORDER, "account": "customer_funds", "amount": -500,
        "currency": "EUR", "at": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(first["items"], json!([posting]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = admin.get(&format!("{PATH}?limit=1&cursor={cursor}")).await.expect(200);
    assert_eq!(second["items"][0]["account"], "psp_clearing");
    assert_eq!(
        (&second["items"][0]["amount"], &second["next_cursor"]),
        (&json!(500), &Value::Null)
    );
    admin.get(&format!("{PATH}?cursor=x")).await.expect(400);
}

#[tokio::test]
async fn the_ledger_is_read_in_pages_without_gaps() {
    let (_, payments) = new();
    for number in 0..5 {
        let id = format!("pay_{number}");
        let amount = euro(100 + number);
        payments.authorize(&id, ORDER, amount, "tok_approved").await.unwrap();
        payments.capture(&id).await.unwrap();
    }
    let all = books(&payments).await;
    assert_eq!(all.len(), 10);
    for limit in [1, 2, 3, 7] {
        let mut pages = Vec::new();
        let mut from = None;
        loop {
            let (page, rest) = payments.records().postings(from, limit).await.unwrap();
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
async fn payments_are_in_the_books_in_the_order_of_their_creation() {
    let (_, payments) = new();
    for n in 0..5 {
        payments
            .authorize(&format!("pay_{n}"), ORDER, euro(100 + n), "tok_approved")
            .await
            .unwrap();
    }
    payments.capture("pay_3").await.unwrap();
    payments.capture("pay_1").await.unwrap();
    payments.cancel("pay_1", ORDER).await.unwrap();
    payments.cancel("pay_2", ORDER).await.unwrap();
    payments.cancel("pay_9", ORDER).await.unwrap();
    let expected = [(0, 0, 100), (101, 101, 0), (0, 0, 0), (103, 0, 0), (0, 0, 104), (0, 0, 0)];
    for limit in [1, 4, 100] {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = payments.records().payments(after, limit).await.unwrap();
            found.extend(
                page.entries
                    .iter()
                    .map(|(it, _)| (it.known.captured, it.known.refunded, it.held())),
            );
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(found, expected, "{limit}");
    }
    payments.import_statement().await.unwrap();
    let (postings, next) = payments.records().postings_after(0).await.unwrap();
    assert_eq!((postings.len(), next, adds_up(&postings)), (6, None, true));
}

#[tokio::test]
async fn an_administrator_sees_the_history_of_a_payment() {
    let (_, payments) = captured().await;
    let client = client(&payments);
    let path = format!("/api/v1/admin/payments/{ID}");
    let payment = client.admin().get(&path).await.expect(200);
    assert_eq!(payment["status"], "captured");
    let events = payment["events"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["authorization_asked", "authorized", "captured"]);
    assert_eq!(events[2]["at"], "2027-01-15T08:00:00.000Z");
    assert_eq!((&payment["captured"], &payment["deviation"]), (&json!(500), &Value::Null));
    client.admin().get("/api/v1/admin/payments/pay_9").await.expect_problem(404, "not-found");
    client.customer("usr_1").get(&path).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn the_two_sides_of_the_ledger_come_from_two_sources() {
    let (_, payments) = captured().await;
    assert!(!adds_up(&postings(&payments).await), "the provider's statement was not read yet");
    payments.import_statement().await.unwrap();
    assert!(adds_up(&postings(&payments).await));

    // A provider whose statement differs from its responses is detected.
    let (wire, payments) = captured().await;
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
    service(MemoryStore::new(), &wire).import_statement().await.unwrap();
    let other = service(MemoryStore::new(), &wire);
    let charge = wire.sandbox().find_by_key(ID).await.unwrap();
    wire.sandbox().capture(&charge.id).await.unwrap();
    other.import_statement().await.unwrap();
    let entries = other.records().payments(0, 100).await.unwrap().entries;
    assert_eq!((entries.len(), entries[0].0.order_id.as_str()), (1, ""));
    assert!(!adds_up(&postings(&other).await));
}

#[tokio::test]
async fn old_payments_without_amounts_keep_their_postings() {
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
    assert!(payments.records().payments(0, 100).await.unwrap().entries[0].1.is_unstated());
    payments.cancel(ID, ORDER).await.unwrap();
    let found = books(&payments).await;
    assert_eq!((found.len(), adds_up(&found)), (4, true), "{found:?}");
    assert_eq!(balance(&found, Account::CustomerFunds), 0);
}
