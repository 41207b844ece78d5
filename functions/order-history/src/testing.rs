//! A log, a clock and events for the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use chassis::clock::rfc3339;
use chassis::events::Event;
use chassis::sealed::{MemoryKeys, PersonKey, PersonKeys, Unreadable, seal};
use chassis::store::{MemoryStore, Store};
use chassis::testing::ManualClock;
use serde_json::{Value, json};

use crate::domain::{ORDERS, USERS};
use crate::ports::{EventLog, Lag, Logged, Unavailable};

/// 2026-01-31T12:00:00Z.
pub(crate) const NOON_MS: u64 = 1_769_860_800_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

/// A clock at noon. Each look at it takes this many milliseconds.
pub(crate) fn clock(read_ms: u64) -> ManualClock {
    let clock = ManualClock::new(NOON_MS);
    clock.advance_on_read(read_ms);
    clock
}

/// A log with small pages and with gaps between positions.
#[derive(Clone, Default)]
pub(crate) struct TestLog {
    events: Arc<Mutex<Vec<Logged>>>,
    is_down: Arc<AtomicBool>,
    pub(crate) persons: MemoryKeys,
}

impl PersonKeys for TestLog {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        self.persons.key(user_id).await
    }
}

/// The size of pages.
const PAGE: usize = 3;

impl TestLog {
    pub(crate) fn append(&self, event: Event) {
        let mut events = self.events.lock().unwrap();
        let position = events.last().map_or(7, |last| last.position + 3);
        events.push(Logged { position, event });
    }

    /// Removes the oldest events.
    pub(crate) fn remove_oldest(&self, count: usize) {
        self.events.lock().unwrap().drain(..count);
    }

    /// Makes all calls fail.
    pub(crate) fn fail(&self) {
        self.is_down.store(true, SeqCst);
    }
}

impl EventLog for TestLog {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Logged>, Unavailable> {
        if self.is_down.load(SeqCst) {
            return Err(Unavailable("down".to_owned()));
        }
        let events = self.events.lock().unwrap();
        let rest = events.iter().filter(|logged| logged.position > after);
        Ok(rest.take(PAGE.min(limit as usize)).cloned().collect())
    }

    async fn lags(&self) -> Result<Vec<Lag>, Unavailable> {
        if self.is_down.load(SeqCst) {
            return Err(Unavailable("down".to_owned()));
        }
        let lag = |subscription: &str, events, age_ms, dead| Lag {
            subscription: subscription.to_owned(),
            events,
            age_ms,
            dead,
        };
        Ok(vec![
            lag("notifications-orders", 99, 99_000, 9),
            lag("order-history-orders", 3, 1_500, 0),
            lag("order-history-users", 1, 200, 1),
        ])
    }
}

pub(crate) fn order_id(number: u64) -> String {
    format!("ord_0192f0c1-7a10-7c3e-9d5b-{number:012x}")
}

pub(crate) fn user_id(number: u64) -> String {
    format!("usr_0192f0c1-7a10-7c3e-9d5b-{number:012x}")
}

fn event(source: &str, kind: &str, subject: String, sequence: u64, data: &Value) -> Event {
    let at_ms = NOON_MS + sequence * 1_000;
    Event {
        id: format!("{subject}.{sequence}"),
        source: source.to_owned(),
        kind: kind.to_owned(),
        time: Some(rfc3339(at_ms)),
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([
            ("partitionkey".to_owned(), subject.clone()),
            ("sequence".to_owned(), sequence.to_string()),
        ]),
        subject: Some(subject),
        data: data.to_string(),
    }
}

/// An event of an order: the order `number` of the user `user`, placed on the day `day`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderEvent {
    pub(crate) number: u64,
    pub(crate) user: u64,
    pub(crate) day: u64,
    pub(crate) sequence: u64,
    pub(crate) status: &'static str,
}

impl OrderEvent {
    pub(crate) fn created_at_ms(self) -> u64 {
        NOON_MS + self.day * DAY_MS + self.number * 1_000
    }

    pub(crate) fn data(self) -> Value {
        json!({
            "order_id": order_id(self.number),
            "user_id": user_id(self.user),
            "status": self.status,
            "lines": [{
                "sku": format!("TEA-{:04}", self.number),
                "name": format!("Tea number {}", self.number),
                "quantity": 2,
                "price": {"amount": 500, "currency": "EUR"},
            }],
            "total": {"amount": 1_000, "currency": "EUR"},
            "rejection": null,
            "created_at": rfc3339(self.created_at_ms()),
            "updated_at": rfc3339(NOON_MS + self.sequence * 1_000),
        })
    }

    pub(crate) fn event(self) -> Event {
        let word = if self.status == "pending" { "placed" } else { self.status };
        let kind = format!("com.shop.orders.order.{word}.v1");
        event(ORDERS, &kind, order_id(self.number), self.sequence, &self.data())
    }

    pub(crate) fn parked(self, reason: &str) -> Event {
        let mut data = self.data();
        data["reason"] = json!(reason);
        let kind = "com.shop.orders.saga.parked.v1";
        event(ORDERS, kind, order_id(self.number), self.sequence, &data)
    }
}

/// The first event of the order `number` of user 1 on the first day.
pub(crate) fn placed(number: u64) -> OrderEvent {
    OrderEvent { number, user: 1, day: 0, sequence: 1, status: "pending" }
}

pub(crate) fn named(user: u64, sequence: u64, name: &str) -> Event {
    let data = json!({
        "user_id": user_id(user), "email": "a@example.com", "name": name, "language": "en",
        "roles": ["customer"],
    });
    event(USERS, "com.shop.identity.user.updated.v1", user_id(user), sequence, &data)
}

/// The same, sealed with the user's key.
pub(crate) fn name_sealed(user: u64, sequence: u64, name: &str, key: &PersonKey) -> Event {
    let nonce = [7; chassis::sealed::NONCE_BYTES];
    let sealed = seal(key, &nonce, &user_id(user), &json!({"name": name})).unwrap();
    let data = json!({"user_id": user_id(user), "roles": ["customer"], "sealed": sealed});
    event(USERS, "com.shop.identity.user.updated.v1", user_id(user), sequence, &data)
}

/// The user has deleted their account.
pub(crate) fn deleted(user: u64, sequence: u64) -> Event {
    let data = json!({"user_id": user_id(user)});
    event(USERS, "com.shop.identity.user.deleted.v1", user_id(user), sequence, &data)
}

/// All values of a generation, by their keys without its prefix.
pub(crate) async fn dump(store: &MemoryStore, generation: u64) -> BTreeMap<String, String> {
    let prefix = format!("g{generation}/");
    let mut values = BTreeMap::new();
    for key in store.keys() {
        if let Some(rest) = key.strip_prefix(&prefix) {
            let bytes = store.get(&key).await.unwrap().unwrap();
            values.insert(rest.to_owned(), String::from_utf8(bytes).unwrap());
        }
    }
    values
}
