#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn hold(quantity: u32, attempt: u32) -> Hold {
    Hold { quantity, attempt, expires_at_ms: 1_000 }
}

fn stocked(received: u32) -> Stock {
    let mut stock = Stock::default();
    stock.receive(received).unwrap();
    stock
}

#[test]
fn received_may_not_fall_below_what_is_promised() {
    let mut stock = stocked(5);
    stock.hold("r1", hold(2, 1)).unwrap();
    stock.hold("r2", hold(1, 1)).unwrap();
    stock.sell("r2", 1);
    assert_eq!(stock.receive(2), Err(3));
    assert_eq!(stock.receive(3), Ok(()));
    assert_eq!(stock.levels(), Levels { received: 3, on_hand: 0, reserved: 2, sold: 1 });
}

#[test]
fn a_later_attempt_takes_the_hold_over_and_an_earlier_one_is_refused() {
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
fn lines_have_one_spelling() {
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

/// What can happen to one SKU, with few ids so that they collide.
#[derive(Clone, Debug)]
enum Event {
    Receive(u32),
    Hold(u8, u32, u32),
    Free(u8, u32),
    Sell(u8, u32),
    TakeBackOfSold(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let id = 0..4u8;
    let attempt = 1..3u32;
    prop_oneof![
        (0..30u32).prop_map(Event::Receive),
        (id.clone(), 1..8u32, attempt.clone()).prop_map(|(id, n, a)| Event::Hold(id, n, a)),
        (id.clone(), attempt.clone()).prop_map(|(id, a)| Event::Free(id, a)),
        (id.clone(), attempt).prop_map(|(id, a)| Event::Sell(id, a)),
        id.prop_map(Event::TakeBackOfSold),
    ]
}

proptest! {
    #[test]
    fn pieces_are_never_made_or_lost(events in prop::collection::vec(event(), 0..60)) {
        let mut stock = Stock::default();
        let mut sold = BTreeMap::<u8, u32>::new();
        for event in events {
            let before = stock.levels();
            match event {
                Event::Receive(n) => {
                    let promised = before.reserved + before.sold;
                    prop_assert_eq!(stock.receive(n).is_ok(), n >= promised);
                }
                Event::Hold(id, quantity, attempt) => {
                    let result = stock.hold(&id.to_string(), hold(quantity, attempt));
                    if let Err(HoldRefused::Short(available)) = result {
                        prop_assert!(available < quantity);
                    }
                    if result.is_err() {
                        prop_assert_eq!(stock.levels(), before);
                    }
                }
                Event::Free(id, attempt) => {
                    stock.free(&id.to_string(), attempt);
                    prop_assert_eq!(stock.levels().sold, before.sold);
                }
                Event::Sell(id, attempt) => {
                    stock.sell(&id.to_string(), attempt);
                    let levels = stock.levels();
                    prop_assert_eq!(levels.sold + levels.reserved, before.sold + before.reserved);
                    *sold.entry(id).or_default() += levels.sold - before.sold;
                }
                Event::TakeBackOfSold(id) => {
                    let quantity = sold.remove(&id).unwrap_or(0);
                    let name = format!("{id}/{}", stock.levels().sold);
                    stock.take_back(&name, 1, quantity, 0);
                    stock.take_back(&name, 1, quantity, 0);
                    prop_assert_eq!(stock.levels().sold, before.sold - quantity);
                    stock.forget_return(&name);
                }
            }
            let levels = stock.levels();
            prop_assert_eq!(levels.on_hand + levels.reserved + levels.sold, levels.received);
        }
    }
}

fn held() -> Record {
    let lines = [Line { sku: "a".to_owned(), quantity: 1 }];
    let (record, _) = Record::begin(None, "r", &lines, 100, 1_000).unwrap();
    record.conclude(1, &[])
}

#[test]
fn a_reservation_can_be_sold_until_the_very_moment_it_expires() {
    assert!(held().commit("r", 1_099).is_ok());
    assert!(matches!(held().commit("r", 1_100), Err(Refusal::Expired(_))));
}

#[test]
fn judging_closes_what_ran_out_and_keeps_what_is_sold() {
    assert_eq!(held().judge(1, 1_099).1, Verdict::Keep);
    let (closed, verdict) = held().judge(1, 1_100);
    assert_eq!((&closed.state, verdict), (&State::Expired, Verdict::Free));
    assert!(matches!(closed.commit("r", 1_050), Err(Refusal::Expired(_))));
    let sold = held().commit("r", 1_050).unwrap();
    assert_eq!(sold.clone().judge(1, 9_999).1, Verdict::Sell);
    assert_eq!(sold.judge(0, 9_999).1, Verdict::Free, "a straggler's hold is no sale");
}

#[test]
fn an_attempt_that_was_overtaken_concludes_nothing() {
    let lines = [Line { sku: "a".to_owned(), quantity: 1 }];
    let (first, _) = Record::begin(None, "r", &lines, 100, 0).unwrap();
    let (second, begin) = Record::begin(Some(first), "r", &lines, 100, 0).unwrap();
    assert!(matches!(begin, Begin::Attempt(Record { attempt: 2, .. })));
    assert_eq!(second.clone().conclude(1, &[]), second);
    assert_eq!(second.conclude(2, &[]).state, State::Held);
}
