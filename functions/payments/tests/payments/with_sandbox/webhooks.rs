//! Webhooks of the provider.

use std::cell::Cell;

use super::wire::*;
use payments::provider::Psp;
use payments::service::{Payments, Swept, WATCH_MS};

use axum::body::Body;
use bytes::Bytes;
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore, Store};
use http::{Request, StatusCode};
use payments::domain::Status;
use psp_sandbox::charge::State;
use psp_sandbox::sandbox::Clock;
use tower::ServiceExt;

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
    let unconfirmed = post(api(payments.clone()), delivery.clone()).await;
    assert_eq!(unconfirmed, StatusCode::SERVICE_UNAVAILABLE, "the provider sends it again");
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    *wire.cut.lock().unwrap() = false;
    assert_eq!(post(api(payments.clone()), delivery.clone()).await, StatusCode::NO_CONTENT);
    *wire.cut.lock().unwrap() = true;
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
    assert_eq!(charge.state(NOW_MS), State::Reversed);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn webhooks_without_a_valid_signature_are_refused() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    let genuine = webhook(&wire);
    let mut forged = genuine.clone();
    *forged.body_mut() =
        Bytes::from(String::from_utf8(forged.body().to_vec()).unwrap().replace("hold", "approved"));
    assert_eq!(post(api(payments.clone()), forged).await, StatusCode::UNAUTHORIZED);
    let unsigned = Request::post("/webhooks/psp").body(Bytes::from("{}")).unwrap();
    assert_eq!(post(api(payments.clone()), unsigned).await, StatusCode::UNAUTHORIZED);
    let mut plain = genuine;
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(post(api(payments.clone()), plain).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
}

#[tokio::test]
async fn a_hold_that_arrives_after_its_cancellation_is_lifted_by_a_sweep_if_no_webhook_comes() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    *wire.delay.lock().unwrap() = true;
    authorize(&payments, "tok_approved").await.unwrap_err();
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, settled: 0, stated: 0 }));
    wire.arrive().await;
    wire.sent.lock().unwrap().clear();
    *wire.cut.lock().unwrap() = true;
    assert_eq!(
        payments.sweep().await,
        Ok(Swept { watched: 1, settled: 0, stated: 0 }),
        "asked again later"
    );
    *wire.cut.lock().unwrap() = false;
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, settled: 1, stated: 0 }));
    let charge = wire.sandbox().find_by_key(ID).await.unwrap();
    assert_eq!(charge.state(NOW_MS), State::Reversed);
    assert_eq!(payments.sweep().await, Ok(Swept::default()), "it is watched no longer");
}

#[tokio::test]
async fn a_payment_is_watched_no_longer_than_a_request_can_live() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    let payments = service(disk.clone(), &wire);
    *wire.delay.lock().unwrap() = true;
    authorize(&payments, "tok_approved").await.unwrap_err();
    payments.cancel(ID, ORDER).await.unwrap();
    let provider = || Psp::new(wire.clone(), "http://psp.test/", "key");
    let nearly = Payments::new(disk.clone(), provider(), || NOW_MS + WATCH_MS - 1);
    nearly.sweep().await.unwrap();
    assert_eq!(nearly.sweep().await, Ok(Swept { watched: 1, settled: 0, stated: 0 }));
    let later = Payments::new(disk, provider(), || NOW_MS + WATCH_MS);
    later.sweep().await.unwrap();
    assert_eq!(later.sweep().await, Ok(Swept::default()));
}

/// Payments that were canceled before the provider knew them.
async fn watched(payments: &Service<MemoryStore>, wire: &Wire, count: u32) {
    for number in 0..count {
        let id = format!("pay_{number}");
        *wire.cut.lock().unwrap() = true;
        let amount = Money::new(500, "EUR");
        payments.authorize(&id, ORDER, amount, "tok_approved").await.unwrap_err();
        *wire.cut.lock().unwrap() = false;
        payments.cancel(&id, ORDER).await.unwrap();
    }
}

#[tokio::test]
async fn one_sweep_checks_a_whole_burst_of_payments() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    watched(&payments, &wire, 501).await;
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 500, settled: 0, stated: 0 }));
}

#[tokio::test]
async fn a_sweep_ends_after_a_time() {
    thread_local! {
        static TIME_MS: Cell<u64> = const { Cell::new(NOW_MS) };
    }
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    watched(&service(disk.clone(), &wire), &wire, 50).await;
    let provider = Psp::new(wire.clone(), "http://psp.test/", "key");
    // Each time that the clock is read, a second passes.
    let slow = Payments::new(disk, provider, || TIME_MS.replace(TIME_MS.get() + 1_000));
    assert_eq!(slow.sweep().await, Ok(Swept { watched: 10, settled: 0, stated: 0 }));
}

#[tokio::test]
async fn unreadable_payments_do_not_end_a_sweep() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    let payments = service(disk.clone(), &wire);
    watched(&payments, &wire, 15).await;
    for number in [0, 1, 2, 3, 5, 6, 7, 8] {
        disk.set(&format!("payment:pay_{number}"), b"?").await.unwrap();
    }
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 15, settled: 0, stated: 0 }));
}

#[tokio::test]
async fn a_charge_that_is_undecided_when_its_watch_ends_stays_watched() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    let payments = service(disk.clone(), &wire);
    *wire.delay.lock().unwrap() = true;
    authorize(&payments, "tok_slow").await.unwrap_err();
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    wire.arrive().await;
    // The charge is still undecided.
    *wire.clock.0.lock().unwrap() = 0;
    let provider = Psp::new(wire.clone(), "http://psp.test/", "key");
    let later = Payments::new(disk, provider, || NOW_MS + WATCH_MS);
    for _ in 0..3 {
        assert_eq!(later.sweep().await, Ok(Swept { watched: 1, settled: 0, stated: 0 }));
    }
    wire.clock.sleep(3_000).await;
    assert_eq!(later.sweep().await, Ok(Swept { watched: 1, settled: 1, stated: 0 }));
    let charge = wire.sandbox().find_by_key(ID).await.unwrap();
    assert_eq!(charge.state(wire.clock.now_ms()), State::Reversed);
    assert_eq!(later.sweep().await, Ok(Swept::default()));
}

#[tokio::test]
async fn a_charge_that_was_canceled_while_undecided_is_undone_by_a_sweep() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_slow").await.unwrap_err();
    payments.cancel(ID, ORDER).await.unwrap_err();
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, settled: 0, stated: 0 }));
    wire.clock.sleep(3_000).await;
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, settled: 1, stated: 0 }));
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn a_declined_charge_is_no_longer_watched() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    *wire.delay.lock().unwrap() = true;
    authorize(&payments, "tok_declined").await.unwrap_err();
    payments.cancel(ID, ORDER).await.unwrap();
    wire.arrive().await;
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, settled: 1, stated: 0 }));
    assert_eq!(payments.sweep().await, Ok(Swept::default()));
}

#[tokio::test]
async fn hints_without_changes_cause_no_request() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    let held = webhook(&wire);
    let before = payments.history(ID).await.unwrap().unwrap();
    *wire.cut.lock().unwrap() = true;
    for _ in 0..3 {
        assert_eq!(post(api(payments.clone()), held.clone()).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(payments.history(ID).await.unwrap().unwrap(), before);
}

/// A delivery that an attacker with the secret can make: one of the provider, with changes.
fn forged(wire: &Wire, changes: &[(&str, &str)]) -> Request<Bytes> {
    let body = webhook(wire).into_body();
    let mut body = String::from_utf8(body.to_vec()).unwrap();
    for (theirs, ours) in changes {
        assert!(body.contains(theirs), "{theirs}: {body}");
        body = body.replace(theirs, ours);
    }
    signed(body)
}

fn signed(body: String) -> Request<Bytes> {
    Request::post("/webhooks/psp")
        .header("content-type", "application/json")
        .header(
            psp_sandbox::signature::HEADER,
            psp_sandbox::signature::sign(SECRET, NOW_MS / 1_000, body.as_bytes()),
        )
        .body(Bytes::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_forged_webhook_with_the_right_signature_moves_nothing() {
    // The provider does not know the charge.
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_unreachable").await.unwrap_err();
    let approved = format!(
        r#"{{"id":"evt_1","type":"charge.approved","created":1,"data":{{"chargeId":"ch_1",
        "merchantRef":"{ID}","state":"approved","value":500,"ccy":"EUR","capturedValue":500}}}}"#
    );
    assert_eq!(post(api(payments.clone()), signed(approved)).await, StatusCode::NO_CONTENT);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    assert!(books(&payments).await.is_empty());

    // It holds the money, and the webhook claims a capture.
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    let lie = forged(&wire, &[("\"hold\"", "\"approved\""), ("edValue\":0", "edValue\":500")]);
    assert_eq!(post(api(payments.clone()), lie).await, StatusCode::NO_CONTENT);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
    assert!(books(&payments).await.is_empty());

    // It has captured the money, and the webhook claims a refund, or another charge.
    payments.capture(ID).await.unwrap();
    let lie = forged(&wire, &[("\"approved\"", "\"reversed\""), ("dValue\":0", "dValue\":500")]);
    assert_eq!(post(api(payments.clone()), lie).await, StatusCode::NO_CONTENT);
    payments.cancel(ID, ORDER).await.unwrap();
    let lie = forged(&wire, &[("\"ch_", "\"ch_of_somebody_else_")]);
    assert_eq!(post(api(payments.clone()), lie).await, StatusCode::NO_CONTENT);
    let postings = books(&payments).await;
    assert_eq!((postings.len(), adds_up(&postings)), (4, true), "{postings:?}");
}

#[tokio::test]
async fn a_charge_back_is_booked_whether_or_not_its_webhook_comes() {
    for with_webhook in [true, false] {
        let wire = Wire::new();
        let payments = service(MemoryStore::new(), &wire);
        authorize(&payments, "tok_approved").await.unwrap();
        payments.capture(ID).await.unwrap();
        let id = wire.sandbox().find_by_key(ID).await.unwrap().id;
        wire.sandbox().charge_back(&id).await.unwrap();
        wire.sent.lock().unwrap().clear();
        if with_webhook {
            wire.sandbox().deliver(&id).await.unwrap();
            assert_eq!(post(api(payments.clone()), webhook(&wire)).await, StatusCode::NO_CONTENT);
        } else {
            assert_eq!(payments.sweep().await.unwrap().stated, 2);
        }
        let payment = payments.get(ID).await.unwrap();
        assert_eq!((payment.status(), payment.known.charged_back), (Status::Refunded, 500));
        assert_eq!(payment.deviation().as_deref(), Some("500 charged back"));
        let postings = books(&payments).await;
        assert_eq!((postings.len(), adds_up(&postings)), (4, true), "{postings:?}");
    }
}

#[tokio::test]
async fn a_charge_back_is_booked_after_an_interruption_at_any_step() {
    for operations in 0..40 {
        let (wire, disk) = (Wire::new(), MemoryStore::new());
        let payments = service(disk.clone(), &wire);
        authorize(&payments, "tok_approved").await.unwrap();
        payments.capture(ID).await.unwrap();
        let id = wire.sandbox().find_by_key(ID).await.unwrap().id;
        wire.sandbox().charge_back(&id).await.unwrap();
        let dying = service(FailingStore::after(operations, disk), &wire);
        let ended = dying.pull().await.is_ok();
        payments.sweep().await.unwrap();
        let (payment, _) = payments.history(ID).await.unwrap().unwrap();
        assert_eq!(payment.known.charged_back, 500, "step {operations}");
        if ended {
            return;
        }
    }
    panic!("reading takes more operations than expected");
}

#[tokio::test]
async fn a_movement_with_an_unknown_outcome_is_found_in_the_statement() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    *wire.lose_answers.lock().unwrap() = 2;
    authorize(&payments, "tok_approved").await.unwrap_err();
    let id = wire.sandbox().find_by_key(ID).await.unwrap().id;
    wire.sandbox().capture(&id).await.unwrap();
    assert_eq!(payments.sweep().await.unwrap().stated, 1);
    let (payment, _) = payments.history(ID).await.unwrap().unwrap();
    assert_eq!(payment.status(), Status::Captured);
    let postings = postings(&payments).await;
    assert_eq!((postings.len(), adds_up(&postings)), (2, true), "{postings:?}");
}

#[tokio::test]
async fn a_delivery_that_was_recorded_long_ago_is_refused() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    authorize(&service(disk.clone(), &wire), "tok_approved").await.unwrap();
    let recorded = webhook(&wire);
    let provider = Psp::new(wire.clone(), "http://psp.test/", "key");
    let later = Payments::new(disk, provider, || NOW_MS + 301_000);
    assert_eq!(post(api(later), recorded).await, StatusCode::UNAUTHORIZED);
}
