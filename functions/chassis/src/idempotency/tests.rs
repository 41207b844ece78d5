#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::testing::{MemoryStore, ScriptedStore};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

const NOW: u64 = 1_800_000_000_000;

/// The number of store operations after which the claim is durable but not settled: a read, the
/// note of its expiry, and the claim.
const CLAIM_OPERATIONS: usize = 1 + 3 + 2;

/// A use case that counts how often it ran and under which ids.
#[derive(Clone, Default)]
struct Shop {
    store: MemoryStore,
    runs: Arc<AtomicU32>,
    attempts: Arc<Mutex<Vec<Attempt>>>,
}

impl Shop {
    async fn post(&self, who: &str, key: &str, body: Value, now_ms: u64, status: u16) -> Response {
        self.post_to(&self.store, who, key, body, now_ms, status).await
    }

    async fn post_to<S: Store>(
        &self,
        store: &S,
        who: &str,
        key: &str,
        body: Value,
        now_ms: u64,
        status: u16,
    ) -> Response {
        let scope = Scope { principal: who, route: "POST /orders" };
        let key = IdempotencyKey::parse(key).unwrap();
        run(store, now_ms, &scope, &key, &body, |attempt| async move {
            let run = self.runs.fetch_add(1, SeqCst) + 1;
            self.attempts.lock().unwrap().push(attempt);
            Response::builder()
                .status(status)
                .header("location", format!("/orders/{run}"))
                .header("date", "today")
                .body(Body::from(format!("run {run}")))
                .unwrap()
        })
        .await
    }

    /// Claims a key in a run of the host that crashes during the work.
    async fn die_at_work(&self, incarnation: Option<u64>) {
        let scope = Scope { principal: "usr_1", route: "POST /orders" };
        let key = IdempotencyKey::parse("k").unwrap();
        let dying = ScriptedStore::failing_after(CLAIM_OPERATIONS, self.store.clone());
        let work = |_| async { StatusCode::CREATED.into_response() };
        run_in(incarnation, &dying, NOW, &scope, &key, &json!({}), work).await;
    }

    /// Repeats that request immediately in a run of the host. Returns the status.
    async fn repeat_in(&self, incarnation: Option<u64>) -> u16 {
        let scope = Scope { principal: "usr_1", route: "POST /orders" };
        let key = IdempotencyKey::parse("k").unwrap();
        let work = |_| async { StatusCode::CREATED.into_response() };
        let response = run_in(incarnation, &self.store, NOW, &scope, &key, &json!({}), work).await;
        response.status().as_u16()
    }

    fn runs(&self) -> u32 {
        self.runs.load(SeqCst)
    }

    fn ids(&self) -> Vec<String> {
        self.attempts.lock().unwrap().iter().map(|attempt| attempt.id.clone()).collect()
    }
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_repetition_gets_the_first_response_with_its_headers() {
    let shop = Shop::default();
    let first = shop.post("usr_1", "k", json!({"a": 1, "b": 2}), NOW, 201).await;
    assert!(!first.headers().contains_key(REPLAYED));
    let again = shop.post("usr_1", "\"k\"", json!({"b": 2, "a": 1}), NOW + 1, 201).await;
    assert_eq!(again.status(), 201);
    assert_eq!(again.headers()[REPLAYED], "true");
    assert_eq!(again.headers()["location"], "/orders/1");
    assert!(!again.headers().contains_key("date"));
    assert_eq!(text(again).await, text(first).await);
    assert_eq!(shop.runs(), 1);
}

#[tokio::test]
async fn another_payload_under_the_same_key_is_422() {
    let shop = Shop::default();
    shop.post("usr_1", "k", json!({"amount": 1}), NOW, 201).await;
    let other = shop.post("usr_1", "k", json!({"amount": 2}), NOW, 201).await;
    assert_eq!((other.status().as_u16(), shop.runs()), (422, 1));
}

#[tokio::test]
async fn keys_of_other_people_are_other_keys() {
    let shop = Shop::default();
    shop.post("usr_1", "k", json!({}), NOW, 201).await;
    let other = shop.post("usr_2", "k", json!({"x": 1}), NOW, 201).await;
    assert_eq!((other.status().as_u16(), shop.runs()), (201, 2));
    assert!(!other.headers().contains_key(REPLAYED));
}

#[tokio::test]
async fn refusals_and_failures_are_not_kept() {
    for status in [400, 401, 403, 408, 413, 415, 422, 425, 429, 500, 502, 503, 504] {
        let shop = Shop::default();
        shop.post("usr_1", "k", json!({}), NOW, status).await;
        let again = shop.post("usr_1", "k", json!({}), NOW, 201).await;
        assert_eq!((again.status().as_u16(), shop.runs()), (201, 2), "{status}");
    }
    for status in [200, 201, 202, 204, 303, 402, 404, 409, 410] {
        let shop = Shop::default();
        shop.post("usr_1", "k", json!({}), NOW, status).await;
        let again = shop.post("usr_1", "k", json!({}), NOW, 500).await;
        assert_eq!((again.status().as_u16(), shop.runs()), (status, 1));
    }
}

#[tokio::test]
async fn a_refused_body_may_be_mended_under_its_key_a_failed_one_may_not_change() {
    let shop = Shop::default();
    shop.post("usr_1", "k", json!({"quantity": 0}), NOW, 422).await;
    let corrected = shop.post("usr_1", "k", json!({"quantity": 1}), NOW, 503).await;
    assert_eq!(corrected.status(), 503);
    let changed = shop.post("usr_1", "k", json!({"quantity": 2}), NOW, 201).await;
    assert_eq!(changed.status(), 422);
    shop.post("usr_1", "k", json!({"quantity": 1}), NOW, 201).await;
    let ids = shop.ids();
    assert_ne!(ids[0], ids[1], "a corrected request is different work");
    assert_eq!(ids[1], ids[2], "a failed request is resumed");
    assert!(shop.attempts.lock().unwrap()[2].resumed);
}

#[tokio::test]
async fn while_the_first_is_at_work_others_get_409_and_a_time() {
    let shop = Shop::default();
    let (started, at_work) = oneshot::channel();
    let (finish, finished) = oneshot::channel::<()>();
    let store = shop.store.clone();
    let first = tokio::spawn(async move {
        let scope = Scope { principal: "usr_1", route: "POST /orders" };
        let key = IdempotencyKey::parse("k").unwrap();
        run(&store, NOW, &scope, &key, &json!({}), |_| async {
            started.send(()).unwrap();
            finished.await.unwrap();
            StatusCode::CREATED.into_response()
        })
        .await
    });
    at_work.await.unwrap();
    let second = shop.post("usr_1", "k", json!({}), NOW + LEASE_MS - 1, 201).await;
    assert_eq!(second.status(), 409);
    assert_eq!(second.headers()["retry-after"], "1");
    finish.send(()).unwrap();
    assert_eq!(first.await.unwrap().status(), 201);
    let third = shop.post("usr_1", "k", json!({}), NOW, 500).await;
    assert_eq!((third.status().as_u16(), shop.runs()), (201, 0));
}

#[tokio::test]
async fn a_request_that_died_at_work_is_taken_over_under_the_same_id() {
    let shop = Shop::default();
    let dying = ScriptedStore::failing_after(CLAIM_OPERATIONS, shop.store.clone());
    let first = shop.post_to(&dying, "usr_1", "k", json!({}), NOW, 201).await;
    assert_eq!(first.status(), 201, "the work was done");
    assert_eq!(shop.post("usr_1", "k", json!({}), NOW + 1, 201).await.status(), 409);
    let taken_over = shop.post("usr_1", "k", json!({}), NOW + LEASE_MS, 201).await;
    assert_eq!(taken_over.status(), 201);
    let ids = shop.ids();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn after_a_restart_the_lease_of_a_dead_request_is_void() {
    for (before, after, status) in [
        (Some(7), Some(8), 201),
        (Some(7), Some(7), 409),
        (None, Some(8), 409),
        (Some(7), None, 409),
    ] {
        let shop = Shop::default();
        shop.die_at_work(before).await;
        assert_eq!(shop.repeat_in(after).await, status, "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn a_holder_that_lost_its_lease_does_not_overwrite_the_response() {
    let shop = Shop::default();
    let (started, at_work) = oneshot::channel();
    let (finish, finished) = oneshot::channel::<()>();
    let store = shop.store.clone();
    let slow = tokio::spawn(async move {
        let scope = Scope { principal: "usr_1", route: "POST /orders" };
        let key = IdempotencyKey::parse("k").unwrap();
        run(&store, NOW, &scope, &key, &json!({}), |_| async {
            started.send(()).unwrap();
            finished.await.unwrap();
            StatusCode::GONE.into_response()
        })
        .await
    });
    at_work.await.unwrap();
    shop.post("usr_1", "k", json!({}), NOW + LEASE_MS, 201).await;
    finish.send(()).unwrap();
    slow.await.unwrap();
    assert_eq!(shop.post("usr_1", "k", json!({}), NOW + LEASE_MS, 500).await.status(), 201);
}

#[tokio::test]
async fn after_a_day_a_key_is_fresh_again() {
    let shop = Shop::default();
    shop.post("usr_1", "k", json!({"a": 1}), NOW, 201).await;
    let before = shop.post("usr_1", "k", json!({"a": 1}), NOW + KEPT_MS - 1, 500).await;
    assert_eq!(before.status(), 201);
    let after = shop.post("usr_1", "k", json!({"a": 2}), NOW + KEPT_MS, 202).await;
    assert_eq!((after.status().as_u16(), shop.runs()), (202, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_at_once_one_does_the_work() {
    let shop = Shop::default();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.post("usr_1", "k", json!({}), NOW, 201).await })
        })
        .collect();
    for task in tasks {
        let response = task.await.unwrap();
        match response.status().as_u16() {
            201 => assert_eq!(text(response).await, "run 1"),
            409 => assert_eq!(response.headers()["retry-after"], "1"),
            503 => {} // Lost every round of the store's compare-and-swap.
            other => panic!("unexpected {other}"),
        }
    }
    assert_eq!(shop.runs(), 1);
}

#[tokio::test]
async fn without_its_store_no_work_is_begun() {
    let shop = Shop::default();
    let dead = ScriptedStore::failing_after(0, shop.store.clone());
    let response = shop.post_to(&dead, "usr_1", "k", json!({}), NOW, 201).await;
    assert_eq!((response.status().as_u16(), shop.runs()), (503, 0));
}

#[tokio::test]
async fn records_expire_after_a_day() {
    let shop = Shop::default();
    for n in 0..300 {
        shop.post("usr_1", &format!("k{n}"), json!({}), NOW, 201).await;
        // A released key starts again, with a new note.
        shop.post("usr_1", &format!("r{n}"), json!({}), NOW, 422).await;
        shop.post("usr_1", &format!("r{n}"), json!({}), NOW + 1, 201).await;
    }
    let sweep = async |now_ms| {
        for _ in 0..20 {
            expiry::sweep(&shop.store, now_ms, |value| is_over(value, now_ms)).await.unwrap();
        }
        shop.store.keys().iter().filter(|key| !key.starts_with("expiry/sweep")).count()
    };
    let day_and_a_half = NOW + KEPT_MS * 3 / 2;
    assert!(sweep(NOW + KEPT_MS - 1).await >= 600, "they are kept for a day");
    assert_eq!(sweep(day_and_a_half).await, 0, "{:?}", shop.store.keys());
}
