#![allow(clippy::unwrap_used)]
use super::*;

fn hold(quantity: u32, attempt: u32) -> Hold {
    Hold { quantity, attempt, expires_at_ms: 1_000 }
}

fn stocked(received: u32) -> Stock {
    let mut stock = Stock::default();
    stock.receive(received).unwrap();
    stock
}

#[test]
fn received_cannot_be_less_than_reserved_and_sold() {
    let mut stock = stocked(5);
    stock.hold("r1", hold(2, 1)).unwrap();
    stock.hold("r2", hold(1, 1)).unwrap();
    stock.sell("r2", 1);
    assert_eq!(stock.receive(2), Err(3));
    assert_eq!(stock.receive(3), Ok(()));
    assert_eq!(stock.levels(), Levels { received: 3, on_hand: 0, reserved: 2, sold: 1 });
}

#[test]
fn a_later_attempt_replaces_the_hold_of_an_earlier_one() {
    let mut stock = stocked(2);
    stock.hold("r", hold(2, 1)).unwrap();
    assert_eq!(stock.hold("r", hold(2, 2)), Ok(()), "it does not compete with itself");
    assert_eq!(stock.hold("r", hold(2, 1)), Err(HoldRefused::Overtaken));
    stock.sell("r", 1);
    assert_eq!(stock.levels().sold, 0, "only the record's attempt can be sold");
    stock.free("r", 1);
    assert_eq!(stock.levels().reserved, 2);
}

#[test]
fn holds_on_one_sku_are_limited() {
    let mut stock = stocked(u32::MAX);
    for n in 0..HOLDS_MAX {
        stock.hold(&n.to_string(), hold(1, 1)).unwrap();
    }
    assert_eq!(stock.hold("more", hold(1, 1)), Err(HoldRefused::TooMany));
    assert_eq!(stock.hold("0", hold(1, 2)), Ok(()));
}

#[test]
fn only_noted_returns_count_and_notes_are_limited() {
    let mut stock = stocked(5);
    stock.hold("r", hold(2, 1)).unwrap();
    stock.sell("r", 1);
    for n in 0..RETURNS_NOTED_MAX {
        assert!(stock.restock(&n.to_string(), 0, 0));
    }
    assert!(!stock.restock("r/more", 1, 0) && !stock.take_back("r", 1, 2, 0));
    assert!(stock.restock("0", 1, 0), "it was done before");
    assert_eq!(stock.levels().sold, 2);
    stock.forget_return("0");
    assert!(stock.take_back("r", 1, 2, 0));
    assert_eq!(stock.levels().sold, 0);
}

#[test]
fn lines_have_a_canonical_form() {
    let line = |sku: &str, quantity| Line { sku: sku.to_owned(), quantity };
    let merged = normalize(&[line("b", 1), line("a", 2), line("b", 3)]).unwrap();
    assert_eq!(merged, [line("a", 2), line("b", 4)]);
    let many: Vec<Line> = (0..=LINES_MAX).map(|n| line(&n.to_string(), 1)).collect();
    let long = line(&"x".repeat(NAME_CHARS_MAX + 1), 1);
    for lines in [
        &[][..],
        &[line("a", 0)],
        &[line("a", QUANTITY_MAX + 1)],
        &[line("a", QUANTITY_MAX), line("a", 1)],
        &[line("a", u32::MAX), line("a", u32::MAX)],
        &[line("", 1)],
        &[line("a/b", 1)],
        &[line("a b", 1)],
        &[long],
        &many,
    ] {
        assert!(matches!(normalize(lines), Err(Refusal::Invalid(_))), "{lines:?}");
    }
}

fn held() -> Record {
    let lines = [Line { sku: "a".to_owned(), quantity: 1 }];
    let (record, _) = Record::begin(None, "r", &lines, 100, 1_000).unwrap();
    record.conclude(1, &[])
}

#[test]
fn a_reservation_can_be_sold_until_it_expires() {
    assert!(held().commit("r", 1_099).is_ok());
    assert!(matches!(held().commit("r", 1_100), Err(Refusal::Expired(_))));
}

#[test]
fn expired_reservations_are_closed_and_sold_ones_are_kept() {
    assert_eq!(held().judge(1, 1_099).1, Verdict::Keep);
    let (closed, verdict) = held().judge(1, 1_100);
    assert_eq!((&closed.state, verdict), (&State::Expired, Verdict::Free));
    assert!(matches!(closed.commit("r", 1_050), Err(Refusal::Expired(_))));
    let sold = held().commit("r", 1_050).unwrap();
    assert_eq!(sold.clone().judge(1, 9_999).1, Verdict::Sell);
    assert_eq!(
        sold.judge(0, 9_999).1,
        Verdict::Free,
        "the hold of an earlier attempt is not a sale"
    );
}

#[test]
fn an_overtaken_attempt_concludes_nothing() {
    let lines = [Line { sku: "a".to_owned(), quantity: 1 }];
    let (first, _) = Record::begin(None, "r", &lines, 100, 0).unwrap();
    let (second, begin) = Record::begin(Some(first), "r", &lines, 100, 0).unwrap();
    assert!(matches!(begin, Begin::Attempt(Record { attempt: 2, .. })));
    assert_eq!(second.clone().conclude(1, &[]), second);
    assert_eq!(second.conclude(2, &[]).state, State::Held);
}
