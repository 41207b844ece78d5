//! News that the provider sends by itself.

use crate::wire::*;
use payments::domain::{News, Standing};
use payments::provider::Psp;
use payments::service::{Payments, Swept, WATCH_MS};

use axum::body::Body;
use bytes::Bytes;
use chassis::store::MemoryStore;
use http::{Request, StatusCode};
use payments::domain::Status;
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

#[tokio::test]
async fn a_hold_that_arrives_after_its_cancellation_is_lifted_by_a_sweep_if_no_webhook_comes() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    *wire.delay.lock().unwrap() = true;
    authorize(&payments, "tok_approved").await.unwrap_err();
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, undone: 0 }));
    wire.arrive().await;
    wire.sent.lock().unwrap().clear();
    *wire.cut.lock().unwrap() = true;
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, undone: 0 }), "asked again later");
    *wire.cut.lock().unwrap() = false;
    assert_eq!(payments.sweep().await, Ok(Swept { watched: 1, undone: 1 }));
    let charge = wire.sandbox().find_by_key(ID).await.unwrap();
    assert_eq!(charge.state(NOW_MS), psp_sandbox::charge::State::Reversed);
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
    assert_eq!(nearly.sweep().await, Ok(Swept { watched: 1, undone: 0 }));
    let later = Payments::new(disk, provider(), || NOW_MS + WATCH_MS);
    later.sweep().await.unwrap();
    assert_eq!(later.sweep().await, Ok(Swept::default()));
}

#[tokio::test]
async fn deliveries_that_tell_nothing_new_are_not_remembered_and_do_no_harm() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    let held = webhook(&wire);
    assert_eq!(post(api(payments.clone()), held.clone()).await, StatusCode::NO_CONTENT);
    let before = payments.history(ID).await.unwrap().unwrap();
    let news = News { reference: before.0.reference.clone().unwrap(), standing: Standing::Held };
    for number in 0..100 {
        payments.receive(&format!("evt_{number}"), ID, &news).await.unwrap();
    }
    assert_eq!(payments.history(ID).await.unwrap().unwrap(), before);
    assert_eq!(post(api(payments.clone()), held).await, StatusCode::NO_CONTENT);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Captured);
    assert_eq!(books(&payments).await.len(), 2);
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

#[tokio::test]
async fn a_state_of_the_provider_that_nobody_knows_changes_nothing_and_breaks_nothing() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    let body = webhook(&wire).into_body();
    let body = String::from_utf8(body.to_vec()).unwrap().replace("\"hold\"", "\"disputed\"");
    let body = body.replace("evt_", "evt_of_their_next_version_");
    let signed = psp_sandbox::signature::sign(SECRET, NOW_MS / 1_000, body.as_bytes());
    let request = Request::post("/webhooks/psp")
        .header(psp_sandbox::signature::HEADER, signed)
        .body(Bytes::from(body))
        .unwrap();
    assert_eq!(post(api(payments.clone()), request).await, StatusCode::NO_CONTENT);
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Authorized);
    assert_eq!(payments.capture(ID).await.unwrap().status(), Status::Captured);
}
