//! Payments against the real sandbox provider: both run here, joined by its HTTP API and
//! its webhooks, in virtual time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use chassis::auth::testing::Issuer;
use chassis::http::{Outbound, OutboundError};
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore, Store};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use payments::domain::{Decline, Status};
use payments::ledger::{Account, Posting};
use payments::provider::Psp;
use payments::routes::{Api, router};
use payments::service::{Payments, Refusal};
use psp_sandbox::routes::Background;
use psp_sandbox::sandbox::{Clock, Sandbox, Settings};
use serde_json::{Value, json};
use tower::ServiceExt;

const NOW_MS: u64 = 1_800_000_000_000;
const SECRET: &str = "webhook secret";
const ID: &str = "pay_1";
const ORDER: &str = "ord_1";

type Service<S> = Payments<S, Psp<Wire>>;

/// The provider, reached as over the network, with everything that it keeps and sends.
#[derive(Clone)]
struct Wire {
    store: MemoryStore,
    clock: Time,
    /// Webhooks that were sent and not yet received.
    sent: Arc<Mutex<VecDeque<Request<Bytes>>>>,
    /// Requests that reach the provider while their answers are lost.
    lose_answers: Arc<Mutex<u32>>,
    cut: Arc<Mutex<bool>>,
}

#[derive(Clone, Default)]
struct Time(Arc<Mutex<u64>>);

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        NOW_MS + *self.0.lock().unwrap()
    }

    async fn sleep(&self, ms: u64) {
        *self.0.lock().unwrap() += ms;
    }
}

/// Takes webhooks off the provider.
#[derive(Clone)]
struct Postbox(Arc<Mutex<VecDeque<Request<Bytes>>>>);

impl Outbound for Postbox {
    async fn send(
        &self,
        request: Request<Bytes>,
        _timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        self.0.lock().unwrap().push_back(request);
        Ok(Response::new(Bytes::new()))
    }
}

#[derive(Clone)]
struct AtOnce;

impl Background for AtOnce {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

impl Wire {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            clock: Time::default(),
            sent: Arc::default(),
            lose_answers: Arc::default(),
            cut: Arc::default(),
        }
    }

    fn loses_an_answer(&self) -> bool {
        let mut left = self.lose_answers.lock().unwrap();
        let loses = *left > 0;
        *left = left.saturating_sub(1);
        loses
    }

    fn sandbox(&self) -> Sandbox<MemoryStore, Time, Postbox> {
        Sandbox {
            settings: Settings {
                api_key: "key".to_owned(),
                webhook_url: Some("http://payments.test/webhooks/psp".to_owned()),
                webhook_secret: SECRET.to_owned(),
                slow_ms: 3_000,
            },
            store: self.store.clone(),
            clock: self.clock.clone(),
            outbound: Postbox(self.sent.clone()),
        }
    }
}

impl Outbound for Wire {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        if *self.cut.lock().unwrap() {
            return Err(OutboundError::Connect("refused".to_owned()));
        }
        let before_ms = self.clock.now_ms();
        let router = psp_sandbox::routes::router(self.sandbox(), AtOnce);
        let answer = router.oneshot(request.map(Body::from)).await.unwrap();
        tokio::task::yield_now().await;
        if self.loses_an_answer() {
            return Err(OutboundError::Broken("reset".to_owned()));
        }
        if self.clock.now_ms() - before_ms > timeout_ms {
            // We stopped waiting earlier than the provider.
            *self.clock.0.lock().unwrap() = before_ms + timeout_ms - NOW_MS;
            return Err(OutboundError::Timeout(timeout_ms));
        }
        let (head, body) = answer.into_parts();
        Ok(Response::from_parts(head, body.collect().await.unwrap().to_bytes()))
    }
}

fn service<S: Store>(store: S, wire: &Wire) -> Service<S> {
    Payments::new(store, Psp::new(wire.clone(), "http://psp.test/", "key"), || NOW_MS)
}

async fn authorize<S: Store>(payments: &Service<S>, method: &str) -> Result<Status, Refusal> {
    let payment = payments.authorize(ID, ORDER, Money::new(500, "EUR"), method).await;
    payment.map(|payment| payment.status())
}

async fn books<S: Store>(payments: &Service<S>) -> Vec<Posting> {
    payments.ledger(None, 100).await.unwrap().0
}

fn balance(postings: &[Posting], account: Account) -> i64 {
    postings.iter().filter(|it| it.account == account).map(|it| it.amount.amount).sum()
}

/// What the provider has taken and not given back.
async fn at_the_provider(wire: &Wire) -> i64 {
    match wire.sandbox().find_by_key(ID).await {
        Ok(charge) => charge.captured - charge.reversed,
        Err(_) => 0,
    }
}

#[tokio::test]
async fn money_is_held_taken_and_given_back() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Authorized));
    assert!(books(&payments).await.is_empty(), "a hold is no movement");
    assert_eq!(payments.capture(ID).await.unwrap().status(), Status::Captured);
    assert_eq!(balance(&books(&payments).await, Account::PspClearing), 500);
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), -500);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    let postings = books(&payments).await;
    assert_eq!(postings.len(), 4);
    assert_eq!(balance(&postings, Account::PspClearing), 0);
    assert_eq!(at_the_provider(&wire).await, 0);
}

#[tokio::test]
async fn repeating_each_call_changes_nothing() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    for _ in 0..3 {
        assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Authorized));
    }
    for _ in 0..3 {
        assert_eq!(payments.capture(ID).await.unwrap().status(), Status::Captured);
    }
    assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Captured));
    for _ in 0..3 {
        assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    }
    assert_eq!(books(&payments).await.len(), 4);
    assert_eq!(payments.capture(ID).await, Err(Refusal::Conflict(Status::Refunded)));
}

#[tokio::test]
async fn cards_that_say_no_are_final() {
    for (card, reason) in [
        ("tok_declined", Decline::Card),
        ("tok_insufficient_funds", Decline::InsufficientFunds),
        ("4111111111111111", Decline::InvalidMethod),
    ] {
        let wire = Wire::new();
        let payments = service(MemoryStore::new(), &wire);
        assert_eq!(authorize(&payments, card).await, Err(Refusal::Declined(reason)), "{card}");
        assert_eq!(authorize(&payments, card).await, Err(Refusal::Declined(reason)), "{card}");
        assert_eq!(payments.capture(ID).await, Err(Refusal::Declined(reason)));
        assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Declined);
    }
}

#[tokio::test]
async fn a_slow_card_is_unknown_until_it_is_decided() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    let first = authorize(&payments, "tok_slow").await;
    assert!(matches!(first, Err(Refusal::UnknownOutcome(_))), "{first:?}");
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    wire.clock.sleep(3_000).await;
    assert_eq!(authorize(&payments, "tok_slow").await, Ok(Status::Authorized));
}

#[tokio::test]
async fn a_slow_card_can_be_given_up_only_when_it_is_decided() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_slow").await.unwrap_err();
    let early = payments.cancel(ID, ORDER).await;
    assert!(matches!(early, Err(Refusal::UnknownOutcome(_))), "{early:?}");
    wire.clock.sleep(3_000).await;
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    let late = authorize(&payments, "tok_slow").await;
    assert_eq!(late, Err(Refusal::Conflict(Status::Voided)));
}

#[tokio::test]
async fn an_unreachable_card_stays_unknown_and_can_be_given_up() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    for _ in 0..2 {
        let answer = authorize(&payments, "tok_unreachable").await;
        assert!(matches!(answer, Err(Refusal::UnknownOutcome(_))), "{answer:?}");
    }
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_asking() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    assert_eq!(authorize(&payments, "tok_lost_answer").await, Ok(Status::Authorized));
    *wire.lose_answers.lock().unwrap() = 1;
    assert_eq!(payments.capture(ID).await.unwrap().status(), Status::Captured);
    *wire.lose_answers.lock().unwrap() = 1;
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    assert_eq!(balance(&books(&payments).await, Account::PspClearing), 0);
}

#[tokio::test]
async fn a_provider_that_can_not_be_reached_has_done_nothing() {
    let wire = Wire::new();
    *wire.cut.lock().unwrap() = true;
    let payments = service(MemoryStore::new(), &wire);
    let first = authorize(&payments, "tok_approved").await;
    assert!(matches!(first, Err(Refusal::Unavailable(_))), "{first:?}");
    *wire.cut.lock().unwrap() = false;
    assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Authorized));
}

#[tokio::test]
async fn a_payment_that_was_cancelled_first_can_not_come_to_life() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    let late = authorize(&payments, "tok_approved").await;
    assert_eq!(late, Err(Refusal::Conflict(Status::Voided)));
    assert_eq!(at_the_provider(&wire).await, 0);
}

#[tokio::test]
async fn a_payment_whose_cancellation_is_under_way_is_not_captured() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    *wire.cut.lock().unwrap() = true;
    let unknown = payments.cancel(ID, ORDER).await;
    assert!(matches!(unknown, Err(Refusal::UnknownOutcome(_))), "{unknown:?}");
    *wire.cut.lock().unwrap() = false;
    assert_eq!(payments.capture(ID).await, Err(Refusal::Conflict(Status::Authorized)));
    assert_eq!(wire.sandbox().find_by_key(ID).await.unwrap().captured, 0);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn another_amount_under_the_same_id_is_refused() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    let other = payments.authorize(ID, ORDER, Money::new(501, "EUR"), "tok_approved").await;
    assert!(matches!(other, Err(Refusal::Invalid(_))), "{other:?}");
    for amount in [Money::new(0, "EUR"), Money::new(-5, "EUR"), Money::new(5, "euro")] {
        let answer = payments.authorize("pay_2", ORDER, amount, "tok_approved").await;
        assert!(matches!(answer, Err(Refusal::Invalid(_))), "{answer:?}");
    }
}

fn api(payments: Service<MemoryStore>) -> axum::Router {
    let keys = Issuer::new().key_set();
    router(Api { payments, keys, webhook_secret: SECRET.to_owned() })
}

async fn post(router: axum::Router, request: Request<Bytes>) -> StatusCode {
    router.oneshot(request.map(Body::from)).await.unwrap().status()
}

fn webhook(wire: &Wire) -> Request<Bytes> {
    wire.sent.lock().unwrap().pop_front().expect("a webhook was sent")
}

#[tokio::test]
async fn a_webhook_settles_a_payment_whose_outcome_is_unknown() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    *wire.lose_answers.lock().unwrap() = 2;
    authorize(&payments, "tok_approved").await.unwrap_err();
    *wire.cut.lock().unwrap() = true;
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    let delivery = webhook(&wire);
    assert_eq!(post(api(payments.clone()), delivery.clone()).await, StatusCode::NO_CONTENT);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
    *wire.cut.lock().unwrap() = false;
    payments.capture(ID).await.unwrap();
    assert_eq!(post(api(payments.clone()), delivery).await, StatusCode::NO_CONTENT);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Captured, "a replay is ignored");
    assert_eq!(books(&payments).await.len(), 2);
}

#[tokio::test]
async fn a_hold_that_arrives_after_its_cancellation_is_lifted_by_the_webhook() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    *wire.cut.lock().unwrap() = true;
    authorize(&payments, "tok_approved").await.unwrap_err();
    *wire.cut.lock().unwrap() = false;
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    // The request was not dead, only late.
    let late = service(MemoryStore::new(), &wire);
    authorize(&late, "tok_approved").await.unwrap();
    assert_eq!(post(api(payments.clone()), webhook(&wire)).await, StatusCode::NO_CONTENT);
    let charge = wire.sandbox().find_by_key(ID).await.unwrap();
    assert_eq!(charge.state(NOW_MS), psp_sandbox::charge::State::Reversed);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn webhooks_that_nobody_signed_are_refused() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    let mut forged = webhook(&wire);
    *forged.body_mut() =
        Bytes::from(String::from_utf8(forged.body().to_vec()).unwrap().replace("hold", "approved"));
    assert_eq!(post(api(payments.clone()), forged).await, StatusCode::UNAUTHORIZED);
    let unsigned = Request::post("/webhooks/psp").body(Bytes::from("{}")).unwrap();
    assert_eq!(post(api(payments.clone()), unsigned).await, StatusCode::UNAUTHORIZED);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
}

async fn ledger(payments: &Service<MemoryStore>, role: &str, query: &str) -> (StatusCode, Value) {
    let token = Issuer::new().token("usr_1", &[role]);
    let request = Request::get(format!("/api/v1/payments/ledger{query}"))
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
