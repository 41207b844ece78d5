//! Webhooks of the provider, and sweeps.

use super::wire::*;

use axum::body::Body;
use bytes::Bytes;
use chassis::Clock;
use chassis::store::Store;
use chassis::testing::{MemoryStore, ScriptedStore};
use http::Request;
use payments::domain::Status;
use payments::service::{SweepReport, WATCH_MS};
use psp_sandbox::charge::State;

/// Delivers a webhook. Returns the status of the response.
async fn deliver(payments: &Service, webhook: &Request<Bytes>) -> u16 {
    client(payments).send(webhook.clone().map(Body::from)).await.status
}

/// The oldest webhook that was sent and not received yet.
fn webhook(wire: &Wire) -> Request<Bytes> {
    wire.network().webhooks.pop_front().expect("a webhook was sent")
}

/// Payments that a sweep has checked, and those of them that were finished.
async fn sweep(payments: &Service) -> (usize, usize) {
    let SweepReport { payments, stated } = payments.sweep().await.unwrap();
    assert_eq!(stated, 0);
    (payments.looked_at, payments.finished)
}

async fn provider_state(wire: &Wire) -> State {
    wire.sandbox().find_by_key(ID).await.unwrap().state(wire.provider_clock.now_ms())
}

#[tokio::test]
async fn a_webhook_settles_a_payment_whose_outcome_is_unknown() {
    let (wire, payments) = new();
    wire.lose_responses(2);
    authorize(&payments, "tok_approved").await.unwrap_err();
    wire.cut(true);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    let delivery = webhook(&wire);
    let unconfirmed = deliver(&payments, &delivery).await;
    assert_eq!(unconfirmed, 503, "the provider sends it again");
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    wire.cut(false);
    assert_eq!(deliver(&payments, &delivery).await, 204);
    wire.cut(true);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
    wire.cut(false);
    payments.capture(ID).await.unwrap();
    assert_eq!(deliver(&payments, &delivery).await, 204);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Captured, "a replay is ignored");
    assert_eq!(books(&payments).await.len(), 2);
}

#[tokio::test]
async fn a_hold_after_its_cancellation_is_released_by_the_webhook() {
    let (wire, payments) = new();
    wire.cut(true);
    authorize(&payments, "tok_approved").await.unwrap_err();
    wire.cut(false);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    // The request arrives later.
    let late = service(MemoryStore::new(), &wire);
    authorize(&late, "tok_approved").await.unwrap();
    assert_eq!(deliver(&payments, &webhook(&wire)).await, 204);
    assert_eq!(provider_state(&wire).await, State::Reversed);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn webhooks_without_a_valid_signature_are_refused() {
    let (wire, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    let genuine = webhook(&wire);
    let mut forged = genuine.clone();
    *forged.body_mut() =
        Bytes::from(String::from_utf8(forged.body().to_vec()).unwrap().replace("hold", "approved"));
    assert_eq!(deliver(&payments, &forged).await, 401);
    let unsigned = Request::post("/webhooks/psp").body(Bytes::from("{}")).unwrap();
    assert_eq!(deliver(&payments, &unsigned).await, 401);
    let mut plain = genuine;
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(deliver(&payments, &plain).await, 415);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
}

#[tokio::test]
async fn a_hold_after_its_cancellation_is_released_by_a_sweep_without_a_webhook() {
    let (wire, payments) = new();
    wire.delay_next();
    authorize(&payments, "tok_approved").await.unwrap_err();
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    assert_eq!(sweep(&payments).await, (1, 0));
    wire.arrive().await;
    wire.network().webhooks.clear();
    wire.cut(true);
    assert_eq!(sweep(&payments).await, (1, 0), "asked again later");
    wire.cut(false);
    assert_eq!(sweep(&payments).await, (1, 1));
    assert_eq!(provider_state(&wire).await, State::Reversed);
    assert_eq!(sweep(&payments).await, (0, 0), "it is not watched any more");
}

#[tokio::test]
async fn a_payment_is_watched_as_long_as_a_request_can_arrive() {
    let (wire, payments) = new();
    wire.delay_next();
    authorize(&payments, "tok_approved").await.unwrap_err();
    payments.cancel(ID, ORDER).await.unwrap();
    wire.clock.set(NOW_MS + WATCH_MS - 1);
    assert_eq!((sweep(&payments).await, sweep(&payments).await), ((1, 0), (1, 0)));
    wire.clock.set(NOW_MS + WATCH_MS);
    assert_eq!((sweep(&payments).await, sweep(&payments).await), ((1, 1), (0, 0)));
}

/// Payments that were canceled before the provider knew them.
async fn watched(payments: &Service, wire: &Wire, count: u32) {
    for number in 0..count {
        let id = format!("pay_{number}");
        wire.cut(true);
        payments.authorize(&id, ORDER, euro(500), "tok_approved").await.unwrap_err();
        wire.cut(false);
        payments.cancel(&id, ORDER).await.unwrap();
    }
}

#[tokio::test]
async fn one_sweep_checks_a_whole_burst_of_payments() {
    let (wire, payments) = new();
    watched(&payments, &wire, 501).await;
    let swept = payments.sweep().await.unwrap().payments;
    assert_eq!((swept.looked_at, swept.finished, swept.left), (500, 0, 501));
}

#[tokio::test]
async fn a_sweep_is_limited_in_time() {
    let (wire, payments) = new();
    watched(&payments, &wire, 50).await;
    wire.clock.advance_on_read(1_000);
    assert_eq!(sweep(&payments).await, (10, 0));
}

#[tokio::test]
async fn only_consecutive_failures_end_a_sweep() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    let payments = service(disk.clone(), &wire);
    watched(&payments, &wire, 10).await;
    for number in [0, 1, 2, 3, 5, 6, 7, 8] {
        disk.set(&format!("payment:pay_{number}"), b"?").await.unwrap();
    }
    let swept = payments.sweep().await.unwrap().payments;
    assert_eq!((swept.looked_at, swept.failed), (10, 8));
    wire.cut(true);
    let swept = payments.sweep().await.unwrap().payments;
    assert_eq!((swept.looked_at, swept.left), (5, 10));
}

#[tokio::test]
async fn a_charge_that_is_undecided_when_its_watch_ends_stays_watched() {
    let (wire, payments) = new();
    wire.delay_next();
    authorize(&payments, "tok_slow").await.unwrap_err();
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    wire.arrive().await;
    // The charge is still undecided.
    wire.provider_clock.set(NOW_MS);
    wire.clock.set(NOW_MS + WATCH_MS);
    for _ in 0..3 {
        assert_eq!(sweep(&payments).await, (1, 0));
    }
    wire.provider_clock.advance(3_000);
    assert_eq!(sweep(&payments).await, (1, 1));
    assert_eq!(provider_state(&wire).await, State::Reversed);
    assert_eq!(sweep(&payments).await, (0, 0));
}

#[tokio::test]
async fn a_charge_that_was_canceled_while_undecided_is_undone_by_a_sweep() {
    let (wire, payments) = new();
    authorize(&payments, "tok_slow").await.unwrap_err();
    payments.cancel(ID, ORDER).await.unwrap_err();
    assert_eq!(sweep(&payments).await, (1, 0));
    wire.provider_clock.advance(3_000);
    assert_eq!(sweep(&payments).await, (1, 1));
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn a_declined_charge_is_no_longer_watched() {
    let (wire, payments) = new();
    wire.delay_next();
    authorize(&payments, "tok_declined").await.unwrap_err();
    payments.cancel(ID, ORDER).await.unwrap();
    wire.arrive().await;
    assert_eq!(sweep(&payments).await, (1, 1));
    assert_eq!(sweep(&payments).await, (0, 0));
}

#[tokio::test]
async fn hints_without_changes_cause_no_request() {
    let (wire, payments) = captured().await;
    let held = webhook(&wire);
    let before = payments.records().load(ID).await.unwrap().unwrap();
    wire.cut(true);
    for _ in 0..3 {
        assert_eq!(deliver(&payments, &held).await, 204);
    }
    assert_eq!(payments.records().load(ID).await.unwrap().unwrap(), before);
}

/// A delivery of an attacker who has the secret: one of the provider, with changes.
fn forged(wire: &Wire, changes: &[(&str, &str)]) -> Request<Bytes> {
    let body = webhook(wire).into_body();
    let mut body = String::from_utf8(body.to_vec()).unwrap();
    for (from, to) in changes {
        assert!(body.contains(from), "{from}: {body}");
        body = body.replace(from, to);
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
async fn a_forged_webhook_with_a_valid_signature_changes_nothing() {
    // The provider does not know the charge.
    let (_, payments) = new();
    authorize(&payments, "tok_unreachable").await.unwrap_err();
    let approved = format!(
        r#"{{"id":"evt_1","type":"charge.approved","created":1,"data":{{"chargeId":"ch_1",
        "merchantRef":"{ID}","state":"approved","value":500,"ccy":"EUR","capturedValue":500}}}}"#
    );
    assert_eq!(deliver(&payments, &signed(approved)).await, 204);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    assert!(books(&payments).await.is_empty());

    // It holds the money, and the webhook claims a capture.
    let (wire, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    let forgery = forged(&wire, &[("\"hold\"", "\"approved\""), ("edValue\":0", "edValue\":500")]);
    assert_eq!(deliver(&payments, &forgery).await, 204);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
    assert!(books(&payments).await.is_empty());

    // It has captured the money, and the webhook claims a refund, or another charge.
    payments.capture(ID).await.unwrap();
    let forgery =
        forged(&wire, &[("\"approved\"", "\"reversed\""), ("dValue\":0", "dValue\":500")]);
    assert_eq!(deliver(&payments, &forgery).await, 204);
    payments.cancel(ID, ORDER).await.unwrap();
    let forgery = forged(&wire, &[("\"ch_", "\"ch_other_")]);
    assert_eq!(deliver(&payments, &forgery).await, 204);
    let postings = books(&payments).await;
    assert_eq!((postings.len(), adds_up(&postings)), (4, true), "{postings:?}");
}

#[tokio::test]
async fn a_chargeback_is_booked_with_and_without_its_webhook() {
    for with_webhook in [true, false] {
        let (wire, payments) = captured().await;
        let id = wire.sandbox().find_by_key(ID).await.unwrap().id;
        wire.sandbox().charge_back(&id).await.unwrap();
        wire.network().webhooks.clear();
        if with_webhook {
            wire.sandbox().deliver(&id).await.unwrap();
            assert_eq!(deliver(&payments, &webhook(&wire)).await, 204);
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
async fn a_chargeback_is_booked_once_after_an_interruption_at_any_step() {
    for operations in 0..40 {
        let (wire, disk) = (Wire::new(), MemoryStore::new());
        let payments = service(disk.clone(), &wire);
        authorize(&payments, "tok_approved").await.unwrap();
        payments.capture(ID).await.unwrap();
        let id = wire.sandbox().find_by_key(ID).await.unwrap().id;
        wire.sandbox().charge_back(&id).await.unwrap();
        let crashing = service(ScriptedStore::failing_after(operations, disk), &wire);
        let ended = crashing.import_statement().await.is_ok();
        payments.sweep().await.unwrap();
        let found = books(&payments).await;
        assert_eq!((found.len(), adds_up(&found)), (4, true), "step {operations}: {found:?}");
        let (payment, _) = payments.records().load(ID).await.unwrap().unwrap();
        assert_eq!(payment.known.charged_back, 500, "step {operations}");
        if ended {
            return;
        }
    }
    panic!("reading takes more operations than expected");
}

#[tokio::test]
async fn a_movement_with_an_unknown_outcome_is_found_in_the_statement() {
    let (wire, payments) = new();
    wire.lose_responses(2);
    authorize(&payments, "tok_approved").await.unwrap_err();
    let id = wire.sandbox().find_by_key(ID).await.unwrap().id;
    wire.sandbox().capture(&id).await.unwrap();
    assert_eq!(payments.sweep().await.unwrap().stated, 1);
    let (payment, _) = payments.records().load(ID).await.unwrap().unwrap();
    assert_eq!(payment.status(), Status::Captured);
    let postings = postings(&payments).await;
    assert_eq!((postings.len(), adds_up(&postings)), (2, true), "{postings:?}");
}

#[tokio::test]
async fn an_old_delivery_is_refused() {
    let (wire, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    wire.clock.advance(301_000);
    assert_eq!(deliver(&payments, &webhook(&wire)).await, 401);
}
