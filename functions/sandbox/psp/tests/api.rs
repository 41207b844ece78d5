//! The provider as a merchant meets it: over HTTP, with test cards and webhooks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use chassis::http::{Outbound, OutboundError};
use chassis::store::MemoryStore;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use psp_sandbox::charge::NOTICE_RETRY_MS;
use psp_sandbox::routes::{Background, router};
use psp_sandbox::sandbox::{Clock, Sandbox, Settings};
use psp_sandbox::signature;
use psp_sandbox::statement::OPEN_MS;
use serde_json::{Value, json};
use tower::ServiceExt;

const SLOW_MS: u64 = 3_000;

#[derive(Clone, Default)]
struct Psp {
    store: MemoryStore,
    now_ms: Arc<AtomicU64>,
    webhooks: Arc<Mutex<Vec<Request<Bytes>>>>,
    /// What the merchant answers to webhooks.
    refuses: Arc<Mutex<bool>>,
}

impl Clock for Psp {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(SeqCst)
    }

    async fn sleep(&self, ms: u64) {
        self.now_ms.fetch_add(ms, SeqCst);
    }
}

impl Outbound for Psp {
    async fn send(
        &self,
        request: Request<Bytes>,
        _timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        self.webhooks.lock().unwrap().push(request);
        let status = if *self.refuses.lock().unwrap() { 500 } else { 204 };
        Ok(Response::builder().status(status).body(Bytes::new()).unwrap())
    }
}

#[derive(Clone)]
struct AtOnce;

impl Background for AtOnce {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

impl Psp {
    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let settings = Settings {
            api_key: "key".to_owned(),
            webhook_url: Some("http://shop.test/webhooks/psp".to_owned()),
            webhook_secret: "secret".to_owned(),
            slow_ms: SLOW_MS,
        };
        let sandbox = Sandbox {
            settings,
            store: self.store.clone(),
            clock: self.clone(),
            outbound: self.clone(),
        };
        let response = router(sandbox, AtOnce).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        tokio::task::yield_now().await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn charge(&self, key: &str, source: &str, value: i64) -> (StatusCode, Value) {
        let body = json!({"merchantRef": "r1", "value": value, "ccy": "EUR", "source": source});
        let request = Request::post("/v2/charges")
            .header("x-api-key", "key")
            .header("x-idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    async fn call(&self, method: &str, path: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("x-api-key", "key");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    fn told(&self) -> Vec<String> {
        let webhooks = self.webhooks.lock().unwrap();
        let kind = |request: &Request<Bytes>| {
            let event: Value = serde_json::from_slice(request.body()).unwrap();
            event["type"].as_str().unwrap().to_owned()
        };
        webhooks.iter().map(kind).collect()
    }
}

#[tokio::test]
async fn a_charge_is_held_taken_and_given_back() {
    let psp = Psp::default();
    let (status, charge) = psp.charge("k", "tok_approved", 500).await;
    assert_eq!((status, &charge["state"]), (StatusCode::CREATED, &json!("hold")));
    let path = format!("/v2/charges/{}", charge["chargeId"].as_str().unwrap());
    let (_, taken) = psp.call("POST", &format!("{path}/capture")).await;
    assert_eq!((&taken["state"], &taken["capturedValue"]), (&json!("approved"), &json!(500)));
    let (status, refused) = psp.call("POST", &format!("{path}/capture")).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::CONFLICT, &json!("wrong_state")));
    let (_, back) = psp.call("POST", &format!("{path}/reverse")).await;
    assert_eq!((&back["state"], &back["reversedValue"]), (&json!("reversed"), &json!(500)));
    assert_eq!(psp.call("GET", &path).await, (StatusCode::OK, back.clone()));
    assert_eq!(psp.call("GET", "/v2/charges?idempotencyKey=k").await, (StatusCode::OK, back));
    assert_eq!(psp.told(), ["charge.hold", "charge.approved", "charge.reversed"]);
}

#[tokio::test]
async fn one_key_is_one_charge() {
    let psp = Psp::default();
    let first = psp.charge("k", "tok_approved", 500).await;
    assert_eq!(psp.charge("k", "tok_approved", 500).await, first);
    for (source, value) in [("tok_approved", 501), ("tok_declined", 500)] {
        let (status, refused) = psp.charge("k", source, value).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(refused["error"]["code"], "idempotency_mismatch");
    }
    assert_ne!(psp.charge("k2", "tok_approved", 500).await.1["chargeId"], first.1["chargeId"]);
}

#[tokio::test]
async fn refused_cards_are_charges_with_a_code() {
    let psp = Psp::default();
    for (source, code) in
        [("tok_declined", "05"), ("tok_insufficient_funds", "51"), ("nothing", "14")]
    {
        let (status, charge) = psp.charge(source, source, 500).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!((&charge["state"], &charge["refusalCode"]), (&json!("refused"), &json!(code)));
    }
}

#[tokio::test]
async fn a_slow_card_answers_late() {
    let psp = Psp::default();
    let (_, charge) = psp.charge("k", "tok_slow", 500).await;
    assert_eq!((psp.now_ms(), &charge["state"]), (SLOW_MS, &json!("hold")));
}

#[tokio::test]
async fn an_unreachable_card_leaves_nothing_behind() {
    let psp = Psp::default();
    let answer = psp.charge("k", "tok_unreachable", 500).await;
    assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, Value::Null));
    let (status, _) = psp.call("GET", "/v2/charges?idempotencyKey=k").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(psp.store.keys().is_empty());
}

#[tokio::test]
async fn only_the_first_answer_is_lost() {
    let psp = Psp::default();
    let answer = psp.charge("k", "tok_lost_answer", 500).await;
    assert_eq!(answer, (StatusCode::BAD_GATEWAY, Value::Null));
    let (status, charge) = psp.charge("k", "tok_lost_answer", 500).await;
    assert_eq!((status, &charge["state"]), (StatusCode::CREATED, &json!("hold")));
}

#[tokio::test]
async fn webhooks_are_signed_and_repeated_until_they_are_taken() {
    let psp = Psp::default();
    *psp.refuses.lock().unwrap() = true;
    let (_, charge) = psp.charge("k", "tok_approved", 500).await;
    assert_eq!(psp.told(), ["charge.hold"]);
    *psp.refuses.lock().unwrap() = false;
    let path = format!("/v2/charges/{}", charge["chargeId"].as_str().unwrap());
    psp.call("GET", &path).await;
    assert_eq!(psp.told(), ["charge.hold"], "not again at once");
    psp.sleep(NOTICE_RETRY_MS).await;
    psp.call("GET", &path).await;
    psp.sleep(NOTICE_RETRY_MS).await;
    psp.call("GET", &path).await;
    assert_eq!(psp.told(), ["charge.hold", "charge.hold"], "taken is taken");
    let webhooks = psp.webhooks.lock().unwrap();
    let ids: Vec<Value> = webhooks
        .iter()
        .map(|request| serde_json::from_slice::<Value>(request.body()).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids[0], ids[1], "the same event has the same id");
    let expected = signature::sign("secret", 0, webhooks[0].body());
    assert_eq!(webhooks[0].headers()[signature::HEADER], expected);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_in_the_own_style() {
    let psp = Psp::default();
    let post = |key: Option<&str>, api_key: &str, body: &str| {
        let mut request = Request::post("/v2/charges").header("x-api-key", api_key);
        if let Some(key) = key {
            request = request.header("x-idempotency-key", key);
        }
        psp.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    let good = r#"{"merchantRef":"r","value":5,"ccy":"EUR","source":"tok_approved"}"#;
    let code = |answer: (StatusCode, Value)| {
        (answer.0.as_u16(), answer.1["error"]["code"].as_str().unwrap().to_owned())
    };
    let refused = |status, name: &str| (status, name.to_owned());
    assert_eq!(code(post(Some("k"), "wrong", good).await), refused(401, "bad_api_key"));
    assert_eq!(code(post(None, "key", good).await), refused(400, "no_idempotency_key"));
    for body in ["", "{}", &good.replace('5', "\"5\"")] {
        assert_eq!(code(post(Some("k"), "key", body).await), refused(400, "bad_body"), "{body}");
    }
    for body in [&good.replace('5', "0"), &good.replace('5', "-5"), &good.replace("EUR", "E")] {
        assert_eq!(code(post(Some("k"), "key", body).await), refused(400, "bad_field"), "{body}");
    }
    let (status, _) = psp.call("POST", "/v2/charges/ch_none/capture").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(psp.store.keys().is_empty());
}

async fn captured(psp: &Psp, key: &str, source: &str) -> String {
    let (_, charge) = psp.charge(key, source, 500).await;
    let path = format!("/v2/charges/{}", charge["chargeId"].as_str().unwrap());
    psp.call("POST", &format!("{path}/capture")).await;
    path
}

/// Kinds and values of the statement, read in pages of `limit`.
async fn statement(psp: &Psp, limit: u64) -> Vec<(String, i64)> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let (status, page) =
            psp.call("GET", &format!("/v2/statement?after={after}&limit={limit}")).await;
        assert_eq!(status, StatusCode::OK);
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
async fn the_statement_has_every_movement_of_money_once_and_nothing_else() {
    let psp = Psp::default();
    let paid = captured(&psp, "a", "tok_approved").await;
    captured(&psp, "b", "tok_partial_capture").await;
    let (_, lifted) = psp.charge("c", "tok_approved", 500).await;
    let lifted = format!("/v2/charges/{}/reverse", lifted["chargeId"].as_str().unwrap());
    psp.call("POST", &lifted).await;
    captured(&psp, "d", "tok_hold_lapsed").await;
    let disputed = captured(&psp, "e", "tok_approved").await;
    psp.call("POST", &format!("{disputed}/chargeback")).await;
    psp.call("POST", &format!("{paid}/reverse")).await;
    psp.call("POST", &format!("{paid}/reverse")).await;
    let line = |kind: &str, value| (kind.to_owned(), value);
    let expected = [
        line("capture", 500),
        line("capture", 50),
        line("capture", 500),
        line("chargeback", -500),
        line("reversal", -500),
    ];
    for limit in [1, 2, 100] {
        assert_eq!(statement(&psp, limit).await, expected, "{limit}");
    }
    let (status, _) = psp.call("GET", "/v2/statement?limit=101").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_statement_waits_for_a_line_that_may_still_be_written() {
    use chassis::store::Store;
    let psp = Psp::default();
    captured(&psp, "a", "tok_approved").await;
    // Another request has reserved the next line, and does not continue.
    psp.store.increment("statement_lines", 1).await.unwrap();
    let reserved = json!({"charge": "ch_x", "at_ms": 0});
    psp.store.write("statement_line:2", &reserved).await.unwrap();
    captured(&psp, "b", "tok_approved").await;
    assert_eq!(statement(&psp, 100).await.len(), 1);
    psp.sleep(OPEN_MS).await;
    assert_eq!(statement(&psp, 100).await.len(), 2);
}

#[tokio::test]
async fn parts_of_a_charge_are_reversed_with_idempotency_keys() {
    let psp = Psp::default();
    let path = captured(&psp, "a", "tok_approved").await;
    let give_back = |key: Option<&str>, body: &str| {
        let mut request = Request::post(format!("{path}/reverse")).header("x-api-key", "key");
        if let Some(key) = key {
            request = request.header("x-idempotency-key", key);
        }
        psp.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    let part = r#"{"value":200}"#;
    for _ in 0..2 {
        let (status, charge) = give_back(Some("r1"), part).await;
        assert_eq!((status, &charge["reversedValue"]), (StatusCode::OK, &json!(200)));
        assert_eq!(charge["state"], "approved");
    }
    for (key, body, status) in [
        (None, part, 400),
        (Some("r2"), r#"{"value":0}"#, 400),
        (Some("r2"), "{}", 400),
        (Some("r2"), r#"{"value":301}"#, 409),
        (Some("r1"), r#"{"value":100}"#, 409),
    ] {
        assert_eq!(give_back(key, body).await.0.as_u16(), status, "{key:?} {body}");
    }
    let (_, charge) = give_back(None, "").await;
    assert_eq!((&charge["reversedValue"], &charge["state"]), (&json!(500), &json!("reversed")));
}
