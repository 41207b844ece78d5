//! Whether everything agrees once nothing is under way any more.

use super::Plant;
use crate::support::{Api, Customer, eventually};
use http::StatusCode;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// How long everything that is under way may take to come to its end.
const QUIET: Duration = Duration::from_secs(90);
/// How long the key of a request that was killed stays in flight, and then some.
const KEY_LEASE: Duration = Duration::from_secs(60);

/// What customers were told: the answer to each key.
#[derive(Default)]
pub(super) struct Told(Mutex<Vec<Asked>>);

/// One order that a customer has asked for.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) customer: Customer,
    pub(super) key: String,
    pub(super) body: Value,
    /// The answer that came first; none if none has come.
    pub(super) answer: Option<Value>,
}

impl Told {
    pub(super) fn note(&self, asked: Asked) {
        self.0.lock().expect("a list").push(asked);
    }

    pub(super) fn all(&self) -> Vec<Asked> {
        self.0.lock().expect("a list").clone()
    }
}

/// Waits until nothing is under way, and the shop's own reconciliation finds nothing.
///
/// # Panics
/// With the violations that stay.
pub(super) async fn sound(plant: &Plant) {
    let mut admin = plant.admin().await;
    let mut last = Value::Null;
    let end = tokio::time::Instant::now() + QUIET;
    while tokio::time::Instant::now() < end {
        let Some(found) = violations(&admin).await else {
            admin = plant.admin().await;
            continue;
        };
        last = found;
        if last.as_array().is_some_and(Vec::is_empty) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the books do not agree: {last:#}");
}

/// What the reconciliation finds, part by part; none if the administrator must sign in again.
async fn violations(admin: &Api) -> Option<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/admin/reconciliation?quiescent=true{cursor}");
        let answer = admin.get(&path).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            return None;
        }
        let part = answer.expect(200).json();
        found.extend(part["violations"].as_array().expect("a list").iter().cloned());
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(Value::Array(found)),
        }
    }
}

/// Every order that was answered exists, once; the same key gets the same answer; and nobody
/// was told anything twice.
pub(super) async fn kept(plant: &Plant, told: &Told) {
    let asked = told.all();
    for asked in &asked {
        let buyer = plant.buyer(&asked.customer);
        let again = eventually("the key is free", KEY_LEASE, async || {
            let answer = buyer.place(&asked.key, &asked.body).await?;
            // 409: the request that was killed holds the key until its lease is over.
            (answer.status != 409 && answer.status != 503).then_some(answer)
        })
        .await;
        assert!([201, 202].contains(&again.status.as_u16()), "{again:?}");
        if let Some(first) = &asked.answer {
            assert_eq!(first["id"], again.json()["id"], "one key, one order");
        }
    }
    sound(plant).await;
    let mut by_customer: BTreeMap<String, (Customer, usize)> = BTreeMap::new();
    for asked in asked {
        by_customer.entry(asked.customer.id.clone()).or_insert((asked.customer, 0)).1 += 1;
    }
    for (customer, count) in by_customer.into_values() {
        let customer = plant.returned(&customer).await;
        assert_eq!(customer.all_orders().await.len(), count, "one order for each key");
        messages_are_single(plant, &customer).await;
    }
}

/// Nobody was told the same twice, and no mail lies in the mailbox twice.
async fn messages_are_single(plant: &Plant, customer: &Customer) {
    let mut seen = BTreeSet::new();
    for message in customer.api.all("/api/v1/notifications", 100).await {
        let name = |member: &str| message[member].to_string();
        let what = (name("template_code"), name("channel"), name("subject"));
        assert!(seen.insert(what) || message["subject"].is_null(), "{message}");
    }
    let list = plant.shop().visitor().get("/mailbox/messages.json").await.expect(200).json();
    let mut seen = BTreeSet::new();
    for mail in list["items"].as_array().expect("mails") {
        assert!(seen.insert((mail["to"].to_string(), mail["subject"].to_string())), "{mail}");
    }
}
