//! The effect of reports on a payment, in any order.

use super::*;
use chassis::money::Money;

/// The possible states of a charge of 500: status, captured, refunded, charged back.
const ALL: [(ChargeStatus, i64, i64, i64); 9] = [
    (ChargeStatus::Pending, 0, 0, 0),
    (ChargeStatus::Held, 0, 0, 0),
    (ChargeStatus::Captured, 500, 0, 0),
    (ChargeStatus::Captured, 100, 0, 0),
    (ChargeStatus::Captured, 500, 200, 0),
    (ChargeStatus::Captured, 500, 0, 500),
    (ChargeStatus::Ended, 500, 500, 0),
    (ChargeStatus::Ended, 0, 0, 0),
    (ChargeStatus::Declined(Decline::Card), 0, 0, 0),
];

fn requested() -> Payment {
    let mut payment = Payment::new("pay_1");
    payment.apply(&Event::AuthorizationAsked {
        order_id: "ord_1".to_owned(),
        amount: Money::new(500, "EUR"),
        method: "tok".to_owned(),
    });
    payment
}

fn report(status: &ChargeStatus, captured: i64, refunded: i64, charged_back: i64) -> Report {
    Report {
        payment_id: "pay_1".to_owned(),
        reference: "r".to_owned(),
        status: status.clone(),
        amounts: Amounts {
            currency: "EUR".to_owned(),
            held: 500,
            captured,
            refunded,
            charged_back,
        },
    }
}

fn apply(payment: &mut Payment, report: &Report) -> Vec<Event> {
    let events = payment.events_of(report);
    events.iter().for_each(|event| payment.apply(event));
    events
}

/// The booked amounts: captured, and what is left of it.
fn booked(events: &[Event]) -> (i64, i64) {
    let worth = |event: &Event| match event {
        Event::Captured { amount: Some(amount) } => (amount.amount, amount.amount),
        Event::Refunded { amount: Some(amount) } | Event::ChargedBack { amount } => {
            (0, -amount.amount)
        }
        _ => (0, 0),
    };
    events.iter().map(worth).fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
}

#[test]
fn reports_in_any_order_never_book_money_twice() {
    // Every sequence of up to five reports.
    for code in 0..ALL.len().pow(5) {
        let mut payment = requested();
        let mut events = Vec::new();
        for digit in 0..5 {
            let (status, captured, refunded, charged_back) =
                &ALL[code / ALL.len().pow(digit) % ALL.len()];
            let report = report(status, *captured, *refunded, *charged_back);
            events.extend(apply(&mut payment, &report));
            assert_eq!(booked(&events), (payment.known.captured, payment.net()), "{code}");
            assert!(payment.known.captured <= 500, "{code}: {events:?}");
            assert_eq!(payment.funds == Funds::Captured, payment.net() > 0, "{code}: {events:?}");
            assert!(payment.events_of(&report).is_empty(), "{code}: the same again adds nothing");
        }
    }
}

#[test]
fn a_late_hold_of_a_settled_payment_is_detected() {
    let mut payment = requested();
    payment.apply(&Event::CancelAsked { order_id: "ord_1".to_owned() });
    payment.apply(&Event::Voided);
    assert!(!payment.must_be_undone());
    let held = report(&ChargeStatus::Held, 0, 0, 0);
    assert_eq!(apply(&mut payment, &held).len(), 1);
    assert!(payment.must_be_undone());
    apply(&mut payment, &report(&ChargeStatus::Ended, 0, 0, 0));
    assert_eq!(payment.funds, Funds::Released);
    assert!(apply(&mut payment, &held).is_empty(), "now it is outdated");
}

#[test]
fn a_state_that_this_version_does_not_know_changes_nothing() {
    let mut payment = requested();
    let unknown = report(&ChargeStatus::Unknown("disputed".to_owned()), 500, 0, 0);
    assert!(apply(&mut payment, &unknown).is_empty());
    assert_eq!(payment.status(), Status::Unknown);
}

#[test]
fn a_hold_ends_when_the_provider_reports_it() {
    let after_hold = |status: ChargeStatus| {
        let mut payment = requested();
        apply(&mut payment, &report(&ChargeStatus::Held, 0, 0, 0));
        apply(&mut payment, &report(&status, 0, 0, 0));
        payment.status()
    };
    assert_eq!(after_hold(ChargeStatus::Declined(Decline::Card)), Status::Declined);
    assert_eq!(after_hold(ChargeStatus::Ended), Status::Voided);
}

#[test]
fn deviations_are_booked_as_reported() {
    let deviation = |reports: &[Report]| {
        let mut payment = requested();
        reports.iter().for_each(|report| drop(apply(&mut payment, report)));
        payment.deviation()
    };
    assert_eq!(deviation(&[]), None);
    assert_eq!(deviation(&[report(&ChargeStatus::Held, 0, 0, 0)]), None);
    assert_eq!(deviation(&[report(&ChargeStatus::Captured, 500, 0, 0)]), None);
    let deviates = |text: &str| Some(text.to_owned());
    let partial = report(&ChargeStatus::Captured, 50, 0, 0);
    assert_eq!(deviation(&[partial]), deviates("50 captured instead of 500"));
    let refund = report(&ChargeStatus::Captured, 500, 200, 0);
    assert_eq!(deviation(&[refund]), deviates("200 refunded instead of 0"));
    let dispute = report(&ChargeStatus::Captured, 500, 0, 500);
    assert_eq!(deviation(&[dispute]), deviates("500 charged back"));
    let mut other = report(&ChargeStatus::Held, 0, 0, 0);
    other.amounts.held = 501;
    assert_eq!(deviation(std::slice::from_ref(&other)), deviates("501 held instead of 500"));
    other.amounts.held = 500;
    other.amounts.currency = "USD".to_owned();
    assert_eq!(deviation(&[other]), deviates("in USD instead of EUR"));
}

#[test]
fn reports_about_another_charge_or_payment_change_nothing() {
    let mut payment = requested();
    apply(&mut payment, &report(&ChargeStatus::Held, 0, 0, 0));
    let mut other = report(&ChargeStatus::Captured, 500, 0, 0);
    other.reference = "another".to_owned();
    assert!(payment.contradiction(&other).is_some());
    assert!(payment.events_of(&other).is_empty());
    let mut other = report(&ChargeStatus::Captured, 500, 0, 0);
    other.payment_id = "pay_2".to_owned();
    assert!(payment.contradiction(&other).is_some());
    assert!(payment.events_of(&other).is_empty());
}

#[test]
fn movements_from_before_amounts_were_for_the_whole_sum() {
    let stored = r#"[
        {"sequence":1,"at_ms":1,"type":"authorization_asked","order_id":"ord_1",
         "amount":{"amount":500,"currency":"EUR"},"method":"tok"},
        {"sequence":2,"at_ms":2,"type":"authorized","reference":"r"},
        {"sequence":3,"at_ms":3,"slot":1,"type":"captured"},
        {"sequence":4,"at_ms":4,"slot":2,"type":"refunded"}]"#;
    let events: Vec<Recorded> = serde_json::from_str(stored).expect("as they were stored");
    let captured = Payment::fold("pay_1", &events[..3]);
    assert_eq!((captured.status(), captured.known.captured), (Status::Captured, 500));
    assert_eq!(captured.deviation(), None);
    let payment = Payment::fold("pay_1", &events);
    assert_eq!((payment.status(), payment.known.refunded), (Status::Refunded, 500));
    assert!(events[2].event.is_without_amount() && events[3].event.is_without_amount());
}
