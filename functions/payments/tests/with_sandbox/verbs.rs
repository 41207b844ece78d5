//! Authorize, capture, cancel, get.

use crate::wire::*;

use chassis::money::Money;
use chassis::store::MemoryStore;
use payments::domain::{Decline, Status};
use payments::ledger::Account;
use payments::service::Refusal;
use psp_sandbox::sandbox::Clock;

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
