#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::sync::{Arc, Mutex};

use chassis::clock::Timer;
use chassis::http::{Outbound, OutboundError};
use chassis::store::Store;
use chassis::testing::{Client, ManualClock, MemoryStore, Reply, run};
use http::Request;
use serde_json::Value;

use super::*;
use crate::charge::NOTICE_RETRY_MS;
use crate::sandbox::Settings;
use crate::signature;
use crate::statement::OPEN_MS;

const SLOW_MS: u64 = 3_000;

/// The provider, with its clock, and a merchant that receives webhooks.
#[derive(Clone)]
struct Psp {
    client: Client,
    store: MemoryStore,
    timer: ManualClock,
    webhooks: Webhooks,
}

#[derive(Clone, Default)]
struct Webhooks {
    received: Arc<Mutex<Vec<Request<Bytes>>>>,
    are_refused: Arc<Mutex<bool>>,
}

impl Outbound for Webhooks {
    async fn send(
        &self,
        request: Request<Bytes>,
        _timeout_ms: u64,
    ) -> std::result::Result<Response<Bytes>, OutboundError> {
        self.received.lock().unwrap().push(request);
        let status = if *self.are_refused.lock().unwrap() { 500 } else { 204 };
        Ok(Response::builder().status(status).body(Bytes::new()).unwrap())
    }
}

type Test = (MemoryStore, ManualClock, Webhooks, Inline);

#[derive(Clone)]
struct Inline;

impl Background for Inline {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        run(work);
    }
}

impl Psp {
    fn new() -> Self {
        let (store, timer) = (MemoryStore::new(), ManualClock::default());
        let webhooks = Webhooks::default();
        let settings = Settings {
            api_key: "key".to_owned(),
            webhook_url: Some("http://shop.test/webhooks/psp".to_owned()),
            webhook_secret: "secret".to_owned(),
            slow_ms: SLOW_MS,
        };
        let sandbox = Sandbox::<Test> {
            settings,
            store: store.clone(),
            timer: timer.clone(),
            outbound: webhooks.clone(),
            background: Inline,
        };
        let client = Client::of(router(sandbox)).with("x-api-key", "key");
        Psp { client, store, timer, webhooks }
    }

    async fn charge(&self, key: &str, source: &str, value: i64) -> Reply {
        let body = json!({"merchantRef": "r1", "value": value, "ccy": "EUR", "source": source});
        self.client.with("x-idempotency-key", key).post("/v2/charges", &body).await
    }

    async fn post(&self, path: &str) -> Reply {
        self.client.text("POST", path, "").await
    }

    async fn captured(&self, key: &str, source: &str) -> String {
        let path = path_of(&self.charge(key, source, 500).await.expect(201));
        self.post(&format!("{path}/capture")).await;
        path
    }

    /// The types of the received events.
    fn events(&self) -> Vec<String> {
        let kind = |event: Value| event["type"].as_str().unwrap().to_owned();
        self.bodies().into_iter().map(kind).collect()
    }

    fn bodies(&self) -> Vec<Value> {
        let received = self.webhooks.received.lock().unwrap();
        received.iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect()
    }
}

fn path_of(charge: &Value) -> String {
    format!("/v2/charges/{}", charge["chargeId"].as_str().unwrap())
}

/// Asserts status and code of an error.
#[track_caller]
fn expect_error(reply: Reply, status: u16, code: &str) {
    assert_eq!(reply.expect(status)["error"]["code"], code);
}

#[tokio::test]
async fn a_charge_is_held_captured_and_reversed() {
    let psp = Psp::new();
    let charge = psp.charge("k", "tok_approved", 500).await.expect(201);
    assert_eq!(charge["state"], "hold");
    let path = path_of(&charge);
    let captured = psp.post(&format!("{path}/capture")).await.expect(200);
    assert_eq!((&captured["state"], &captured["capturedValue"]), (&json!("approved"), &json!(500)));
    expect_error(psp.post(&format!("{path}/capture")).await, 409, "wrong_state");
    let reversed = psp.post(&format!("{path}/reverse")).await.expect(200);
    assert_eq!((&reversed["state"], &reversed["reversedValue"]), (&json!("reversed"), &json!(500)));
    expect_error(psp.post(&format!("{path}/reverse")).await, 409, "wrong_state");
    for path in [path.as_str(), "/v2/charges?idempotencyKey=k"] {
        assert_eq!(psp.client.get(path).await.expect(200), reversed);
    }
    assert_eq!(psp.events(), ["charge.hold", "charge.approved", "charge.reversed"]);
}

#[tokio::test]
async fn an_idempotency_key_has_one_charge() {
    let psp = Psp::new();
    let first = psp.charge("k", "tok_approved", 500).await.expect(201);
    assert_eq!(psp.charge("k", "tok_approved", 500).await.expect(201), first);
    for (source, value) in [("tok_approved", 501), ("tok_declined", 500)] {
        expect_error(psp.charge("k", source, value).await, 409, "idempotency_mismatch");
    }
    let other = psp.charge("k2", "tok_approved", 500).await.expect(201);
    assert_ne!(other["chargeId"], first["chargeId"]);
}

#[tokio::test]
async fn declined_cards_are_charges_with_a_code() {
    let psp = Psp::new();
    for (source, code) in
        [("tok_declined", "05"), ("tok_insufficient_funds", "51"), ("nothing", "14")]
    {
        let charge = psp.charge(source, source, 500).await.expect(201);
        assert_eq!((&charge["state"], &charge["refusalCode"]), (&json!("refused"), &json!(code)));
    }
}

#[tokio::test]
async fn a_slow_card_responds_late() {
    let psp = Psp::new();
    let charge = psp.charge("k", "tok_slow", 500).await.expect(201);
    assert_eq!((psp.timer.now_ms(), &charge["state"]), (SLOW_MS, &json!("hold")));
}

#[tokio::test]
async fn an_unreachable_card_changes_nothing() {
    let psp = Psp::new();
    assert_eq!(psp.charge("k", "tok_unreachable", 500).await.parts(), (503, Value::Null));
    psp.client.get("/v2/charges?idempotencyKey=k").await.expect(404);
    assert!(psp.store.keys().is_empty());
}

#[tokio::test]
async fn only_the_first_response_is_lost() {
    let psp = Psp::new();
    assert_eq!(psp.charge("k", "tok_lost_answer", 500).await.parts(), (502, Value::Null));
    let charge = psp.charge("k", "tok_lost_answer", 500).await.expect(201);
    assert_eq!(charge["state"], "hold");
}

#[tokio::test]
async fn webhooks_are_signed_and_repeated_until_they_are_accepted() {
    let psp = Psp::new();
    *psp.webhooks.are_refused.lock().unwrap() = true;
    let path = path_of(&psp.charge("k", "tok_approved", 500).await.expect(201));
    assert_eq!(psp.events(), ["charge.hold"]);
    *psp.webhooks.are_refused.lock().unwrap() = false;
    psp.client.get(&path).await.expect(200);
    assert_eq!(psp.events(), ["charge.hold"], "not repeated immediately");
    for _ in 0..2 {
        psp.timer.sleep(NOTICE_RETRY_MS).await;
        psp.client.get(&path).await.expect(200);
    }
    assert_eq!(psp.events(), ["charge.hold", "charge.hold"], "not repeated after it was accepted");
    let bodies = psp.bodies();
    assert_eq!(bodies[0]["id"], bodies[1]["id"], "the same event has the same id");
    let received = psp.webhooks.received.lock().unwrap();
    let expected = signature::sign("secret", 0, received[0].body());
    assert_eq!(received[0].headers()[signature::HEADER], expected);
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let psp = Psp::new();
    let with_key = psp.client.with("x-idempotency-key", "k");
    let good = r#"{"merchantRef":"r","value":5,"ccy":"EUR","source":"tok_approved"}"#;
    let send = async |client: &Client, body: &str| client.text("POST", "/v2/charges", body).await;
    expect_error(send(&with_key.with("x-api-key", "wrong"), good).await, 401, "bad_api_key");
    expect_error(send(&psp.client, good).await, 400, "no_idempotency_key");
    for body in ["", "{}", &good.replace('5', "\"5\"")] {
        expect_error(send(&with_key, body).await, 400, "bad_body");
    }
    for body in [&good.replace('5', "0"), &good.replace('5', "-5"), &good.replace("EUR", "E")] {
        expect_error(send(&with_key, body).await, 400, "bad_field");
    }
    psp.post("/v2/charges/ch_none/capture").await.expect(404);
    assert!(psp.store.keys().is_empty());
}

/// Kinds and values of the statement, read in pages of `limit`.
async fn statement_of(psp: &Psp, limit: u64) -> Vec<(String, i64)> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/v2/statement?after={after}&limit={limit}");
        let page = psp.client.get(&path).await.expect(200);
        let lines = page["lines"].as_array().unwrap();
        assert!(lines.len() as u64 <= limit);
        found.extend(lines.iter().map(|line| {
            (line["kind"].as_str().unwrap().to_owned(), line["value"].as_i64().unwrap())
        }));
        after = page["next"].as_u64().unwrap();
        if page["more"] == false {
            return found;
        }
    }
}

#[tokio::test]
async fn the_statement_has_each_movement_of_money_once_and_nothing_else() {
    let psp = Psp::new();
    let paid = psp.captured("a", "tok_approved").await;
    psp.captured("b", "tok_partial_capture").await;
    let released = path_of(&psp.charge("c", "tok_approved", 500).await.expect(201));
    psp.post(&format!("{released}/reverse")).await.expect(200);
    psp.captured("d", "tok_hold_lapsed").await;
    let disputed = psp.captured("e", "tok_approved").await;
    psp.post(&format!("{disputed}/chargeback")).await.expect(200);
    psp.post(&format!("{paid}/reverse")).await.expect(200);
    psp.post(&format!("{paid}/reverse")).await.expect(409);
    let line = |kind: &str, value| (kind.to_owned(), value);
    let expected = [
        line("capture", 500),
        line("capture", 50),
        line("capture", 500),
        line("chargeback", -500),
        line("reversal", -500),
    ];
    for limit in [1, 2, 100] {
        assert_eq!(statement_of(&psp, limit).await, expected, "{limit}");
    }
    expect_error(psp.client.get("/v2/statement?limit=101").await, 400, "bad_field");
}

#[tokio::test]
async fn the_statement_waits_for_a_line_that_may_still_be_written() {
    let psp = Psp::new();
    psp.captured("a", "tok_approved").await;
    // Another request has reserved the next line, and does not continue.
    psp.store.increment("statement_lines", 1).await.unwrap();
    let reserved = json!({"charge": "ch_x", "at_ms": 0});
    psp.store.write("statement_line:2", &reserved).await.unwrap();
    psp.captured("b", "tok_approved").await;
    assert_eq!(statement_of(&psp, 100).await.len(), 1);
    psp.timer.sleep(OPEN_MS).await;
    assert_eq!(statement_of(&psp, 100).await.len(), 2);
}

#[tokio::test]
async fn parts_of_a_charge_are_reversed_once_for_each_idempotency_key() {
    let psp = Psp::new();
    let path = format!("{}/reverse", psp.captured("a", "tok_approved").await);
    let reverse = async |key: &str, body: &str| {
        psp.client.with("x-idempotency-key", key).text("POST", &path, body).await
    };
    let part = r#"{"value":200}"#;
    for _ in 0..2 {
        let charge = reverse("r1", part).await.expect(200);
        assert_eq!((&charge["reversedValue"], &charge["state"]), (&json!(200), &json!("approved")));
    }
    for (key, body, status) in [
        ("", part, 400),
        ("r2", r#"{"value":0}"#, 400),
        ("r2", "{}", 400),
        ("r2", r#"{"value":301}"#, 409),
        ("r1", r#"{"value":100}"#, 409),
    ] {
        reverse(key, body).await.expect(status);
    }
    let charge = psp.post(&path).await.expect(200);
    assert_eq!((&charge["reversedValue"], &charge["state"]), (&json!(500), &json!("reversed")));
}
