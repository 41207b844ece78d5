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
fn a_released_hold_can_not_be_captured() {
    let mut it = charge("tok_approved");
    it.reverse(at(1_001)).unwrap();
    assert_eq!((it.captured, it.reversed), (0, 0));
    assert_eq!(it.capture(at(1_002)), Err(Error::WrongState(State::Reversed)));
}

#[test]
fn a_slow_card_is_decided_late() {
    let mut it = charge("tok_slow");
    assert_eq!(it.state(3_999), State::Processing);
    assert_eq!(it.capture(at(3_999)), Err(Error::WrongState(State::Processing)));
    assert_eq!(it.state(4_000), State::Hold);
}

#[test]
fn a_notice_is_dropped_after_its_last_attempt() {
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
fn test_cards_do_only_a_part() {
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
    assert_eq!(it.reverse(at(1_003)), Err(Error::WrongState(State::Approved)));
    assert_eq!((it.captured, it.reversed), (500, 250));
}

#[test]
fn a_hold_lapses() {
    let mut it = charge("tok_approved");
    assert_eq!(it.state(1_000 + HOLD_MS - 1), State::Hold);
    let lapsed = Err(Error::WrongState(State::Lapsed));
    assert_eq!(it.capture(at(1_000 + HOLD_MS)), lapsed);
}

#[test]
fn a_chargeback_takes_the_rest() {
    let mut it = charge("tok_approved");
    assert!(it.charge_back(at(1_001)).is_err());
    it.capture(at(1_002)).unwrap();
    it.reverse_some("one", 200, at(1_003)).unwrap();
    it.charge_back(at(1_004)).unwrap();
    assert_eq!((it.charged_back, it.balance()), (300, 0));
    assert!(it.charge_back(at(1_005)).is_err());
}
