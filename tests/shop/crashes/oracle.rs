//! Checks that everything agrees when all work is done.

use super::Plant;
use crate::support::{Customer, books_agree, eventually};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// The timeout for the lease of the key of a killed request.
const KEY_LEASE: Duration = Duration::from_secs(120);

/// The responses that customers got, by idempotency key.
#[derive(Default)]
pub(super) struct Placements(Mutex<Vec<Placement>>);

/// A request of a customer for an order.
#[derive(Clone)]
pub(super) struct Placement {
    pub(super) customer: Customer,
    pub(super) key: String,
    pub(super) body: Value,
    /// The first response, if there was one.
    pub(super) answer: Option<Value>,
}

impl Placements {
    pub(super) fn note(&self, asked: Placement) {
        self.0.lock().expect("a list").push(asked);
    }

    pub(super) fn all(&self) -> Vec<Placement> {
        self.0.lock().expect("a list").clone()
    }
}

/// Checks that each accepted order exists once, the same key gives the same order, and no message
/// was sent twice.
pub(super) async fn assert_orders_exist_once(plant: &Plant, placements: &Placements) {
    let asked = placements.all();
    for asked in &asked {
        let buyer = plant.buyer(&asked.customer);
        let again = eventually("the key is free", KEY_LEASE, async || {
            let answer = buyer.place(&asked.key, &asked.body).await?;
            // 409: the killed request holds the key until its lease ends.
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
        let customer = plant.signed_in(&customer).await;
        assert_eq!(customer.all_orders().await.len(), count, "one order for each key");
        assert_messages_are_unique(plant, &customer).await;
    }
}

/// Checks that no message and no mail was sent twice.
async fn assert_messages_are_unique(plant: &Plant, customer: &Customer) {
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
