//! Authorize, capture, cancel, get.

use super::wire::*;

use chassis::clock::Timer;
use chassis::money::Money;
use chassis::store::MemoryStore;
use payments::domain::{Decline, Status};
use payments::ledger::Account;
use payments::service::Refusal;

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
        ("tok_of_another_provider", Decline::InvalidMethod),
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

#[tokio::test]
async fn a_payment_is_not_cancelled_for_another_order() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_approved").await.unwrap();
    for status in [Status::Authorized, Status::Voided] {
        let other = payments.cancel(ID, "ord_of_somebody_else").await;
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
        let wire = Wire::new();
        let payments = service(MemoryStore::new(), &wire);
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
async fn a_deviation_of_the_provider_is_booked_and_not_a_success() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    let wrong = Err(Refusal::Mismatch("501 held instead of 500".to_owned()));
    assert_eq!(authorize(&payments, "tok_wrong_amount").await, wrong);
    assert!(matches!(payments.capture(ID).await, Err(Refusal::Mismatch(_))));
    assert_eq!(at_the_provider(&wire).await, 0, "a wrong hold is not captured");
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Voided);

    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_partial_capture").await.unwrap();
    let partial = Err(Refusal::Mismatch("50 captured instead of 500".to_owned()));
    for _ in 0..2 {
        assert_eq!(payments.capture(ID).await, partial);
    }
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), -50);
    assert_eq!(payments.cancel(ID, ORDER).await.unwrap().status(), Status::Refunded);
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), 0);

    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_partial_reversal").await.unwrap();
    payments.capture(ID).await.unwrap();
    for _ in 0..2 {
        let answer = payments.cancel(ID, ORDER).await;
        assert!(matches!(answer, Err(Refusal::Mismatch(_))), "{answer:?}");
    }
    let postings = books(&payments).await;
    assert_eq!(balance(&postings, Account::CustomerFunds), -250);
    assert!(adds_up(&postings), "both sides say what has happened");
    let deviation = payments.history(ID).await.unwrap().unwrap().0.deviation();
    assert_eq!(deviation.as_deref(), Some("250 refunded instead of 500"));
}

#[tokio::test]
async fn parts_are_refunded_once_for_each_refund_id() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    let euro = |amount| Money::new(amount, "EUR");
    authorize(&payments, "tok_approved").await.unwrap();
    let early = payments.refund(ID, "shp_1", euro(100)).await;
    assert_eq!(early, Err(Refusal::Conflict(Status::Authorized)));
    payments.capture(ID).await.unwrap();
    for _ in 0..2 {
        // The provider has done it, but the response is lost: a repetition has no further effect.
        *wire.lose_answers.lock().unwrap() = 1;
        let unheard = payments.refund(ID, "shp_1", euro(100)).await;
        assert!(unheard.is_ok() || matches!(unheard, Err(Refusal::UnknownOutcome(_))));
    }
    *wire.lose_answers.lock().unwrap() = 0;
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
async fn a_partial_refund_is_not_a_success() {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    authorize(&payments, "tok_partial_reversal").await.unwrap();
    payments.capture(ID).await.unwrap();
    for _ in 0..2 {
        let answer = payments.refund(ID, "shp_1", Money::new(100, "EUR")).await;
        assert_eq!(answer, Err(Refusal::Mismatch("50 refunded instead of 100".to_owned())));
    }
    assert_eq!(balance(&books(&payments).await, Account::CustomerFunds), -450);
}
