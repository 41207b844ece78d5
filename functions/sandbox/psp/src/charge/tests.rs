#![allow(clippy::unwrap_used)]
use super::*;

fn at(now_ms: u64) -> Moment {
    Moment { now_ms, line: Some(now_ms) }
}

fn charge(source: &str) -> Charge {
    let instruction = Instruction {
        merchant_ref: "r".to_owned(),
        value: 500,
        ccy: "EUR".to_owned(),
        source: source.to_owned(),
    };
    Charge::open("ch_1".to_owned(), instruction, 1_000, 3_000).unwrap()
}

#[test]
fn money_moves_only_along_the_allowed_ways() {
    let mut it = charge("tok_approved");
    assert_eq!(it.state(1_000), State::Hold);
    it.capture(at(1_001)).unwrap();
    assert_eq!(it.capture(at(1_002)), Err(Unmoved::WrongState(State::Approved)));
    it.reverse(at(1_003)).unwrap();
    assert_eq!((it.captured, it.reversed), (500, 500));
    assert_eq!(it.reverse(at(1_004)), Err(Unmoved::WrongState(State::Reversed)));
}

#[test]
fn a_lifted_hold_gives_nothing_back() {
    let mut it = charge("tok_approved");
    it.reverse(at(1_001)).unwrap();
    assert_eq!((it.captured, it.reversed), (0, 0));
    assert_eq!(it.capture(at(1_002)), Err(Unmoved::WrongState(State::Reversed)));
}

#[test]
fn a_slow_card_is_undecided_for_a_while() {
    let mut it = charge("tok_slow");
    assert_eq!(it.state(3_999), State::Processing);
    assert_eq!(it.capture(at(3_999)), Err(Unmoved::WrongState(State::Processing)));
    assert_eq!(it.state(4_000), State::Hold);
}

#[test]
fn refused_cards_say_why() {
    assert_eq!(charge("tok_declined").refusal_code.as_deref(), Some("05"));
    assert_eq!(charge("tok_insufficient_funds").refusal_code.as_deref(), Some("51"));
    assert_eq!(charge("4111").refusal_code.as_deref(), Some("14"));
}

#[test]
fn a_notice_is_dropped_after_its_last_try() {
    let mut it = charge("tok_approved");
    let id = it.notices[0].id.clone();
    for attempt in 0..u64::from(NOTICE_ATTEMPTS_MAX) {
        assert_eq!(it.notices.len(), 1);
        assert!(it.begin_notice(&id, 1_000 + attempt * NOTICE_RETRY_MS));
        it.settle_notice(&id, false);
    }
    assert!(it.notices.is_empty());
}

#[test]
fn a_notice_in_progress_is_not_started_again() {
    let mut it = charge("tok_approved");
    let id = it.notices[0].id.clone();
    assert!(it.begin_notice(&id, 1_000));
    assert!(!it.begin_notice(&id, 1_000 + NOTICE_RETRY_MS - 1));
    it.settle_notice(&id, true);
    assert!(it.notices.is_empty());
}

#[test]
fn money_is_reversed_in_parts_and_once_per_key() {
    let mut it = charge("tok_approved");
    it.capture(at(1_001)).unwrap();
    it.reverse_some("one", 200, at(1_002)).unwrap();
    it.reverse_some("one", 200, at(1_003)).unwrap();
    assert_eq!(it.reverse_some("one", 300, at(1_004)), Err(Unmoved::Mismatch));
    assert_eq!(it.reverse_some("two", 301, at(1_004)), Err(Unmoved::TooMuch));
    assert_eq!((it.reversed, it.state(1_004)), (200, State::Approved));
    it.reverse_some("two", 300, at(1_005)).unwrap();
    assert_eq!((it.balance(), it.state(1_005)), (0, State::Reversed));
    let values: Vec<i64> = it.movements.iter().map(|movement| movement.value).collect();
    assert_eq!(values, [500, -200, -300]);
}

#[test]
fn cards_that_do_only_a_part() {
    assert_eq!(charge("tok_wrong_amount").value(), 501);
    let mut it = charge("tok_refused_later");
    it.capture(at(1_001)).unwrap();
    assert_eq!((it.state(1_001), it.captured), (State::Refused, 0));
    let mut it = charge("tok_hold_lapsed");
    it.capture(at(1_001)).unwrap();
    assert_eq!((it.state(1_001), it.captured), (State::Lapsed, 0));
    let mut it = charge("tok_partial_capture");
    it.capture(at(1_001)).unwrap();
    assert_eq!((it.state(1_001), it.captured), (State::Approved, 50));
    let mut it = charge("tok_partial_reversal");
    it.capture(at(1_001)).unwrap();
    it.reverse(at(1_002)).unwrap();
    assert_eq!(it.reverse(at(1_003)), Err(Unmoved::WrongState(State::Approved)));
    assert_eq!((it.captured, it.reversed), (500, 250));
}

#[test]
fn a_hold_lapses_by_itself() {
    let mut it = charge("tok_approved");
    assert_eq!(it.state(1_000 + HOLD_MS - 1), State::Hold);
    let lapsed = Err(Unmoved::WrongState(State::Lapsed));
    assert_eq!(it.capture(at(1_000 + HOLD_MS)), lapsed);
}

#[test]
fn a_charge_back_takes_what_is_left() {
    let mut it = charge("tok_approved");
    assert!(it.charge_back(at(1_001)).is_err());
    it.capture(at(1_002)).unwrap();
    it.reverse_some("one", 200, at(1_003)).unwrap();
    it.charge_back(at(1_004)).unwrap();
    assert_eq!((it.charged_back, it.balance()), (300, 0));
    assert!(it.charge_back(at(1_005)).is_err());
}
