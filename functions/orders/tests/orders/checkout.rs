//! The checkout under every failure: whatever a participant does, wherever a process dies
//! or oversleeps, an order ends in exactly one final state, and money, pieces and parcels
//! agree with it.

use std::pin::pin;
use std::task::Poll;

use crate::world::{MOODS, Mood, PIECES, PRICE, World, request, run, step};
use orders::domain::saga::{ATTEMPTS_MAX, PIVOT_DEADLINE_MS};
use orders::domain::{Order, ShipmentStatus, Status, Step};
use orders::ports::Cart;
use orders::service::{CancelError, PlaceError};
use proptest::prelude::*;

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
const STEPS: [&str; 5] = ["Reserve", "Authorize", "Capture", "Commit", "Ship"];
const UNDOS: [&str; 4] = ["CancelShipment", "TakeBack", "CancelPayment", "Release"];

fn place(world: &World) -> Result<Order, PlaceError> {
    run(world.process("first").place(request(ID))).map(|loaded| loaded.order)
}

fn cancel(world: &World, owner: &str) -> Result<Order, CancelError> {
    run(world.process(owner).cancel(ID, None)).map(|loaded| loaded.order)
}

#[test]
fn an_order_without_failures_is_confirmed_at_once() {
    let world = World::new();
    let order = place(&world).unwrap();
    assert_eq!(order.status, Status::Confirmed);
    assert_eq!(order.placed.total.amount, PRICE * i64::from(PIECES));
    world.check(&order);
    assert_eq!(world.log(), ["order.placed", "order.confirmed"]);
}

#[test]
fn placing_again_under_the_same_id_is_the_same_order() {
    let world = World::new();
    let first = place(&world).unwrap();
    let again = run(world.process("second").place(request(ID))).unwrap().order;
    assert_eq!(first, again);
    world.check(&again);
}

#[test]
fn a_refused_payment_rejects_the_order_without_a_second_try() {
    let world = World::new();
    world.mood("Authorize", &[Mood::Refuses]);
    let order = place(&world).unwrap();
    assert_eq!(order.status, Status::Rejected);
    assert_eq!(order.rejection.as_ref().unwrap().code, "no");
    assert!(world.with(|state| state.moods["Authorize"].is_empty()));
    world.check(&order);
}

#[test]
fn a_payment_that_never_answers_is_given_up_after_bounded_tries() {
    let world = World::new();
    world.mood("Authorize", &[Mood::Unanswered; 9]);
    let order = place(&world).unwrap();
    assert_eq!(order.status, Status::Rejected);
    assert_eq!(order.rejection.as_ref().unwrap().code, "payment_unavailable");
    let left = world.with(|state| state.moods["Authorize"].len());
    assert_eq!(left, 9 - ATTEMPTS_MAX as usize);
    world.check(&order);
}

#[test]
fn an_answer_that_was_lost_is_found_again() {
    let world = World::new();
    world.mood("Authorize", &[Mood::HappensUnanswered]);
    world.mood("Capture", &[Mood::HappensUnanswered]);
    let order = place(&world).unwrap();
    assert_eq!(order.status, Status::Confirmed);
    world.check(&order);
}

#[test]
fn behind_the_pivot_the_saga_does_not_give_up() {
    let world = World::new();
    world.mood("Commit", &[Mood::Fails; 20]);
    let order = place(&world).unwrap();
    assert_eq!(order.status, Status::Pending, "still trying when the answer is due");
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Confirmed);
    world.check(&order);
}

#[test]
fn a_lost_reservation_is_made_anew_after_the_money_was_taken() {
    let world = World::new();
    world.with(|state| state.lose_reservation = 2);
    let order = place(&world).unwrap();
    assert_eq!((order.status, order.saga.generation), (Status::Confirmed, 2));
    world.check(&order);
}

#[test]
fn money_goes_back_when_the_pieces_are_gone_for_good() {
    let world = World::new();
    world.with(|state| state.lose_reservation = 9);
    let order = place(&world).unwrap();
    assert_eq!(order.status, Status::Rejected);
    assert_eq!(order.rejection.as_ref().unwrap().code, "out_of_stock");
    world.check(&order);
}

#[test]
fn an_order_that_was_forgotten_before_the_pivot_is_rejected() {
    let world = World::new();
    world.with(|state| state.stop_at = Some(20));
    assert!(step(pin!(world.process("first").place(request(ID)))).is_pending());
    world.with(|state| state.now_ms += PIVOT_DEADLINE_MS + 1);
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Rejected);
    world.check(&order);
}

#[test]
fn a_cart_is_ordered_and_then_cleared() {
    let world = World::new();
    world.with(|state| {
        state.cart = Cart { version: 7, lines: vec![("SKU-1".to_owned(), PIECES)] };
    });
    let mut wanted = request(ID);
    wanted.lines = None;
    let order = run(world.process("first").place(wanted)).unwrap().order;
    assert_eq!(order.status, Status::Confirmed);
    assert!(world.with(|state| state.cart.lines.is_empty()));
    let mut second = request("ord_01930000-0000-7000-8000-000000000002");
    second.lines = None;
    let refused = run(world.process("second").place(second)).unwrap_err();
    assert_eq!(refused, PlaceError::CartSize(0));
}

#[test]
fn unknown_products_and_too_many_pieces_are_pointed_at() {
    let world = World::new();
    let mut wanted = request(ID);
    let line = |sku: &str, quantity| (sku.to_owned(), quantity);
    wanted.lines = Some(vec![line("SKU-1", 1), line("NOPE", 1)]);
    let refused = run(world.process("first").place(wanted.clone())).unwrap_err();
    assert_eq!(refused, PlaceError::UnknownSku(1, "NOPE".to_owned()));
    wanted.lines = Some(vec![line("SKU-1", 600), line("SKU-2", 1), line("SKU-1", 600)]);
    let refused = run(world.process("first").place(wanted)).unwrap_err();
    assert_eq!(refused, PlaceError::TooMany(2));
    assert!(run(world.process("reader").recorded(ID)).unwrap().is_none());
}

#[test]
fn a_confirmed_order_can_be_called_off_and_everything_goes_back() {
    let world = World::new();
    place(&world).unwrap();
    let order = cancel(&world, "second").unwrap();
    assert_eq!(order.status, Status::Cancelled);
    world.check(&order);
    let again = cancel(&world, "third").unwrap();
    assert_eq!(again, order, "calling off twice is once");
}

#[test]
fn an_order_on_its_way_can_not_be_called_off() {
    let world = World::new();
    place(&world).unwrap();
    world.with(|state| state.parcels.insert(ID.to_owned(), ShipmentStatus::InTransit));
    let refused = cancel(&world, "second").unwrap_err();
    assert_eq!(refused, CancelError::TooLate(Status::Shipped));
    world.check(&world.settle(ID));
}

#[test]
fn a_parcel_that_leaves_during_the_cancellation_wins() {
    // The parcel leaves between the look at shipping and the request to it: stop the
    // canceler at each of its waits and let the courier come.
    let mut refused = 0;
    for wait in 1.. {
        let world = World::new();
        place(&world).unwrap();
        world.with(|state| state.stop_at = Some(state.waits + wait));
        let process = world.process("second");
        let mut cancel = pin!(process.cancel(ID, None));
        if step(cancel.as_mut()).is_ready() {
            break;
        }
        world.with(|state| {
            let parcel = state.parcels.get_mut(ID).unwrap();
            if *parcel == ShipmentStatus::Created {
                *parcel = ShipmentStatus::InTransit;
            }
            state.released = true;
        });
        match step(cancel) {
            Poll::Ready(Ok(loaded)) => assert_eq!(loaded.order.status, Status::Cancelled),
            Poll::Ready(Err(_)) => refused += 1,
            Poll::Pending => panic!("stopped twice"),
        }
        world.check(&world.settle(ID));
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn every_order_of_first_failures_ends_in_one_consistent_state() {
    for code in 0..MOODS.len().pow(5) {
        let moods: Vec<Mood> =
            (0..5).map(|digit| MOODS[code / MOODS.len().pow(digit) % MOODS.len()]).collect();
        let world = World::new();
        for (name, mood) in STEPS.iter().zip(&moods) {
            world.mood(name, &[*mood]);
        }
        place(&world).unwrap();
        let order = world.settle(ID);
        world.check(&order);
        let expected =
            if moods.contains(&Mood::Refuses) { Status::Rejected } else { Status::Confirmed };
        assert_eq!(order.status, expected, "{moods:?}");
    }
}

/// Each single trouble, and none.
fn troubles() -> Vec<(&'static str, Vec<Mood>)> {
    let mut all = vec![("Reserve", Vec::new())];
    for name in STEPS {
        all.extend(MOODS[1..].iter().map(|mood| (name, vec![*mood])));
        all.push((name, vec![Mood::Unanswered; 6]));
        all.push((name, vec![Mood::HappensUnanswered; 6]));
    }
    all.push(("Publish", vec![Mood::Fails; 2]));
    all.push(("Publish", vec![Mood::HappensUnanswered; 2]));
    all
}

/// Runs `scenario` with the first process stopped at each of its waits in turn.
fn at_every_wait(mut scenario: impl FnMut(usize) -> bool) -> usize {
    (1..2_000).find(|wait| !scenario(*wait)).expect("a checkout has an end")
}

#[test]
fn a_process_may_die_at_any_point() {
    for (name, moods) in troubles() {
        let waits = at_every_wait(|wait| {
            let world = World::new();
            world.mood(name, &moods);
            world.with(|state| state.stop_at = Some(wait));
            {
                let process = world.process("first");
                let first = pin!(process.place(request(ID)));
                if step(first).is_ready() {
                    return false;
                }
            }
            // The client repeats its request; everything else is up to the sweep.
            world.with(|state| state.now_ms += 31_000);
            run(world.process("second").place(request(ID))).unwrap();
            world.check(&world.settle(ID));
            true
        });
        assert!(waits > 20, "{name} {moods:?} stopped at {waits} waits only");
    }
}

#[test]
fn a_process_may_oversleep_its_lease_and_go_on() {
    for (name, moods) in troubles() {
        at_every_wait(|wait| {
            let world = World::new();
            world.mood(name, &moods);
            world.with(|state| state.stop_at = Some(wait));
            let process = world.process("first");
            let mut first = pin!(process.place(request(ID)));
            if step(first.as_mut()).is_ready() {
                return false;
            }
            world.with(|state| state.now_ms += 31_000);
            let second = run(world.process("second").place(request(ID)));
            second.unwrap();
            world.settle(ID);
            world.with(|state| state.released = true);
            let Poll::Ready(_) = step(first) else { panic!("stopped twice") };
            world.check(&world.settle(ID));
            true
        });
    }
}

#[test]
fn a_customer_may_call_off_at_any_point() {
    for (name, moods) in troubles() {
        let mut cancelled = 0;
        at_every_wait(|wait| {
            let world = World::new();
            world.mood(name, &moods);
            world.with(|state| state.stop_at = Some(wait));
            let process = world.process("first");
            let mut first = pin!(process.place(request(ID)));
            if step(first.as_mut()).is_ready() {
                return false;
            }
            let exists = run(world.process("reader").recorded(ID)).unwrap().is_some();
            let cancel = cancel(&world, "second");
            assert!(exists || cancel == Err(CancelError::NotFound));
            world.with(|state| state.released = true);
            let Poll::Ready(_) = step(first) else { panic!("stopped twice") };
            let order = world.settle(ID);
            world.check(&order);
            if cancel.is_ok() {
                assert_eq!(order.status, Status::Cancelled, "{name} {moods:?} at {wait}");
                cancelled += 1;
            }
            true
        });
        assert!(cancelled > 3, "{name} {moods:?} was cancelled {cancelled} times only");
    }
}

#[test]
fn one_sweep_right_after_a_crash_is_enough() {
    let world = World::new();
    world.with(|state| state.stop_at = Some(30));
    assert!(step(pin!(world.process("first").place(request(ID)))).is_pending());
    let swept = run(world.process("sweeper").sweep()).unwrap();
    assert_eq!((swept.settled, swept.unfinished), (1, 0));
    world.check(&world.settle(ID));
}

#[test]
fn only_steps_that_were_begun_are_taken_back() {
    let world = World::new();
    world.mood("Reserve", &[Mood::Refuses]);
    let order = place(&world).unwrap();
    assert!(!order.saga.started.contains(&Step::Authorize));
    assert!(world.with(|state| state.payments.is_empty()));
    world.check(&order);
}

fn mood() -> impl Strategy<Value = Mood> {
    prop::sample::select(MOODS.to_vec())
}

fn recoverable() -> impl Strategy<Value = Mood> {
    prop::sample::select(vec![Mood::Fine, Mood::Fails, Mood::HappensUnanswered, Mood::Unanswered])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mixture_of_troubles_ends_consistently(
        steps in prop::collection::vec(prop::collection::vec(mood(), 0..8), 5),
        undos in prop::collection::vec(prop::collection::vec(recoverable(), 0..8), 4),
        stop in 1_usize..120,
        cancels in any::<bool>(),
        comes_back in any::<bool>(),
        loses in 0_u32..4,
        pause_ms in 0_u64..600_000,
    ) {
        let world = World::new();
        for (name, moods) in STEPS.iter().zip(&steps).chain(UNDOS.iter().zip(&undos)) {
            world.mood(name, moods);
        }
        world.with(|state| {
            state.lose_reservation = loses;
            state.stop_at = Some(stop);
        });
        let process = world.process("first");
        let mut first = Box::pin(process.place(request(ID)));
        let ended = step(first.as_mut()).is_ready();
        world.with(|state| {
            state.now_ms += pause_ms;
            state.released = ended;
        });
        if cancels {
            let _ = cancel(&world, "canceler");
        }
        run(world.process("second").place(request(ID))).unwrap();
        world.settle(ID);
        world.with(|state| state.released = true);
        if comes_back && !ended {
            prop_assert!(step(first.as_mut()).is_ready());
        }
        world.check(&world.settle(ID));
    }
}
