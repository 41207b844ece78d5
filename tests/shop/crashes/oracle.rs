//! Whether everything agrees once nothing is under way any more.

use super::Plant;
use crate::support::{Customer, books_agree, eventually};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

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

/// Every order that was answered exists, once; the same key gets the same answer; and nobody
/// was told anything twice.
pub(super) async fn kept(plant: &Plant, told: &Told) {
    let asked = told.all();
    for asked in &asked {
        let buyer = plant.buyer(&asked.customer);
        let again = eventually("the key is free", KEY_LEASE, async || {
            let answer = buyer.place(&asked.key, &asked.body).await?;
            // 409: the request that was killed holds the key until its lease is over.
            let later = [409, 429, 503].contains(&answer.status.as_u16());
            (!later).then_some(answer)
        })
        .await;
        assert!([201, 202].contains(&again.status.as_u16()), "{again:?}");
        if let Some(first) = &asked.answer {
            assert_eq!(first["id"], again.json()["id"], "one key, one order");
        }
    }
    books_agree(plant.shop()).await;
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
