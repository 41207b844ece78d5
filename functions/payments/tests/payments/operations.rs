//! Authorize, capture, cancel, refund and get.

use super::wire::*;

use chassis::money::Money;
use chassis::testing::MemoryStore;
use payments::domain::{Account, Decline, Status};
use payments::service::Refusal;

#[tokio::test]
async fn money_is_held_captured_and_refunded_once() {
    let (wire, payments) = new();
    for _ in 0..3 {
        assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Authorized));
    }
    assert!(books(&payments).await.is_empty(), "a hold is not a movement");
    for _ in 0..3 {
        assert_eq!(payments.capture(ID).await.unwrap().status(), Status::Captured);
    }
    assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Captured));
    assert_eq!(balance(&books(&payments).await, Account::PspClearing), 500);
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), -500);
    for _ in 0..3 {
        assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    }
    let postings = books(&payments).await;
    assert_eq!((postings.len(), balance(&postings, Account::PspClearing)), (4, 0));
    assert_eq!(at_the_provider(&wire).await, 0);
    assert_eq!(payments.capture(ID).await, Err(Refusal::Conflict(Status::Refunded)));
}

#[tokio::test]
async fn declined_cards_are_final() {
    for (card, reason) in [
        ("tok_declined", Decline::Card),
        ("tok_insufficient_funds", Decline::InsufficientFunds),
        ("tok_of_another_provider", Decline::InvalidMethod),
    ] {
        let (_, payments) = new();
        assert_eq!(authorize(&payments, card).await, Err(Refusal::Declined(reason)), "{card}");
        assert_eq!(authorize(&payments, card).await, Err(Refusal::Declined(reason)), "{card}");
        assert_eq!(payments.capture(ID).await, Err(Refusal::Declined(reason)));
        assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Declined);
    }
}

#[tokio::test]
async fn a_slow_card_has_an_unknown_outcome_until_it_is_decided() {
    let (wire, payments) = new();
    let first = authorize(&payments, "tok_slow").await;
    assert!(matches!(first, Err(Refusal::UnknownOutcome(_))), "{first:?}");
    assert_eq!(payments.get(ID).await.unwrap().status(), Status::Unknown);
    wire.provider_clock.advance(3_000);
    assert_eq!(authorize(&payments, "tok_slow").await, Ok(Status::Authorized));
}

#[tokio::test]
async fn a_slow_card_can_be_canceled_when_it_is_decided() {
    let (wire, payments) = new();
    authorize(&payments, "tok_slow").await.unwrap_err();
    let early = payments.cancel(ID, ORDER).await;
    assert!(matches!(early, Err(Refusal::UnknownOutcome(_))), "{early:?}");
    wire.provider_clock.advance(3_000);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
    let late = authorize(&payments, "tok_slow").await;
    assert_eq!(late, Err(Refusal::Conflict(Status::Voided)));
}

#[tokio::test]
async fn an_unreachable_card_has_an_unknown_outcome_and_can_be_canceled() {
    let (_, payments) = new();
    for _ in 0..2 {
        let answer = authorize(&payments, "tok_unreachable").await;
        assert!(matches!(answer, Err(Refusal::UnknownOutcome(_))), "{answer:?}");
    }
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn after_a_lost_response_the_charge_is_looked_up() {
    let (wire, payments) = new();
    assert_eq!(authorize(&payments, "tok_lost_answer").await, Ok(Status::Authorized));
    wire.lose_responses(1);
    assert_eq!(payments.capture(ID).await.unwrap().status(), Status::Captured);
    wire.lose_responses(1);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    assert_eq!(balance(&books(&payments).await, Account::PspClearing), 0);
}

#[tokio::test]
async fn an_unreachable_provider_has_executed_nothing() {
    let wire = Wire::new();
    wire.cut(true);
    let payments = service(MemoryStore::new(), &wire);
    let first = authorize(&payments, "tok_approved").await;
    assert!(matches!(first, Err(Refusal::Unavailable(_))), "{first:?}");
    wire.cut(false);
    assert_eq!(authorize(&payments, "tok_approved").await, Ok(Status::Authorized));
}

#[tokio::test]
async fn a_payment_that_is_being_canceled_is_not_captured() {
    let (wire, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    wire.cut(true);
    let unknown = payments.cancel(ID, ORDER).await;
    assert!(matches!(unknown, Err(Refusal::UnknownOutcome(_))), "{unknown:?}");
    wire.cut(false);
    assert_eq!(payments.capture(ID).await, Err(Refusal::Conflict(Status::Authorized)));
    assert_eq!(wire.sandbox().find_by_key(ID).await.unwrap().captured, 0);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);
}

#[tokio::test]
async fn another_amount_with_the_same_id_is_refused() {
    let (_, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    let other = payments.authorize(ID, ORDER, euro(501), "tok_approved").await;
    assert!(matches!(other, Err(Refusal::Invalid(_))), "{other:?}");
    for amount in [euro(0), euro(-5), Money::new(5, "euro")] {
        let answer = payments.authorize("pay_2", ORDER, amount, "tok_approved").await;
        assert!(matches!(answer, Err(Refusal::Invalid(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_payment_is_not_canceled_for_another_order() {
    let (_, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    for status in [Status::Authorized, Status::Voided] {
        let other = payments.cancel(ID, "ord_2").await;
        assert!(matches!(other, Err(Refusal::Invalid(_))), "{other:?}");
        let payment = payments.get(ID).await.unwrap();
        assert_eq!((payment.status(), payment.order_id.as_str()), (status, ORDER));
        payments.cancel(ID, ORDER).await.unwrap();
    }
}

#[tokio::test]
async fn a_card_number_is_refused_and_not_stored() {
    let (wire, disk) = (Wire::new(), MemoryStore::new());
    let payments = service(disk.clone(), &wire);
    for number in ["4111111111111111", "4111-1111-1111-1111"] {
        let answer = authorize(&payments, number).await;
        let Err(Refusal::Invalid(reason)) = answer else { panic!("{answer:?}") };
        assert!(!reason.contains("4111"), "{reason}");
    }
    assert!(disk.keys().is_empty() && wire.store.keys().is_empty());
}

#[tokio::test]
async fn a_hold_ended_by_the_provider_is_over() {
    for (card, status) in
        [("tok_refused_later", Status::Declined), ("tok_hold_lapsed", Status::Voided)]
    {
        let (_, payments) = new();
        assert_eq!(authorize(&payments, card).await, Ok(Status::Authorized), "{card}");
        let refusal = match status {
            Status::Declined => Refusal::Declined(Decline::Card),
            status => Refusal::Conflict(status),
        };
        assert_eq!(payments.capture(ID).await, Err(refusal), "{card}");
        assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), status, "{card}");
        assert!(books(&payments).await.is_empty());
    }
}

#[tokio::test]
async fn a_deviation_of_the_provider_is_booked_and_refused() {
    let (wire, payments) = new();
    let wrong = Err(Refusal::Mismatch("501 held instead of 500".to_owned()));
    assert_eq!(authorize(&payments, "tok_wrong_amount").await, wrong);
    assert!(matches!(payments.capture(ID).await, Err(Refusal::Mismatch(_))));
    assert_eq!(at_the_provider(&wire).await, 0, "a wrong hold is not captured");
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);

    let (_, payments) = new();
    authorize(&payments, "tok_partial_capture").await.unwrap();
    let partial = Err(Refusal::Mismatch("50 captured instead of 500".to_owned()));
    for _ in 0..2 {
        assert_eq!(payments.capture(ID).await, partial);
    }
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), -50);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), 0);

    let (_, payments) = new();
    authorize(&payments, "tok_partial_reversal").await.unwrap();
    payments.capture(ID).await.unwrap();
    for _ in 0..2 {
        let answer = payments.cancel(ID, ORDER).await;
        assert!(matches!(answer, Err(Refusal::Mismatch(_))), "{answer:?}");
    }
    let postings = books(&payments).await;
    assert_eq!(balance(&postings, Account::CustomerFunds), -250);
    assert!(adds_up(&postings), "both sides have what has happened");
    let deviation = payments.records().load(ID).await.unwrap().unwrap().0.deviation();
    assert_eq!(deviation.as_deref(), Some("250 refunded instead of 500"));
}

#[tokio::test]
async fn parts_are_refunded_once_for_each_refund_id() {
    let (wire, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    let early = payments.refund(ID, "shp_1", euro(100)).await;
    assert_eq!(early, Err(Refusal::Conflict(Status::Authorized)));
    payments.capture(ID).await.unwrap();
    for _ in 0..2 {
        // The provider has refunded it, but the response is lost: a repetition has no effect.
        wire.lose_responses(1);
        let repeated = payments.refund(ID, "shp_1", euro(100)).await;
        assert!(repeated.is_ok() || matches!(repeated, Err(Refusal::UnknownOutcome(_))));
    }
    wire.lose_responses(0);
    let payment = payments.refund(ID, "shp_1", euro(100)).await.unwrap();
    assert_eq!((payment.status(), payment.net()), (Status::Captured, 400));
    assert_eq!(payment.deviation(), None);
    for (refund, sum) in
        [("shp_1", euro(99)), ("shp_2", euro(401)), ("shp_2", Money::new(1, "USD"))]
    {
        let answer = payments.refund(ID, refund, sum).await;
        assert!(matches!(answer, Err(Refusal::Invalid(_))), "{refund}: {answer:?}");
    }
    let payment = payments.refund(ID, "shp_2", euro(400)).await.unwrap();
    assert_eq!((payment.status(), payment.net()), (Status::Refunded, 0));
    assert_eq!(at_the_provider(&wire).await, 0);
    assert!(adds_up(&books(&payments).await));
}

#[tokio::test]
async fn an_incomplete_refund_is_refused() {
    let (_, payments) = new();
    authorize(&payments, "tok_partial_reversal").await.unwrap();
    payments.capture(ID).await.unwrap();
    for _ in 0..2 {
        let answer = payments.refund(ID, "shp_1", euro(100)).await;
        assert_eq!(answer, Err(Refusal::Mismatch("50 refunded instead of 100".to_owned())));
    }
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), -450);
}
