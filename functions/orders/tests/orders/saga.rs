//! The bounds of the saga's patience, cancelling at the same time as approving, and sagas
//! that older code has begun.

use std::pin::pin;

use crate::world::{Mood, World, request, run, step};
use chassis::store::Store;
use orders::domain::saga::{ATTEMPTS_MAX, PARK_AGE_MS, PARK_ATTEMPTS};
use orders::domain::{Event, Status, Step};
use orders::service::{CancelError, ResumeError};

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
/// Of the stop just before a checkout asks for its first step, in waits.
const BEFORE_RESERVE: usize = 20;

fn place(world: &World) -> Status {
    run(world.process("first").place(request(ID))).unwrap().order.status
}

fn resume(world: &World) -> Result<Status, ResumeError> {
    run(world.process("admin").resume(ID, "usr_admin")).map(|loaded| loaded.order.status)
}

#[test]
fn a_step_behind_the_pivot_is_parked_after_its_tries_and_goes_on_when_told() {
    let world = World::new();
    let tries = PARK_ATTEMPTS as usize;
    world.mood("Commit", &vec![Mood::Unanswered; tries]);
    assert_eq!(place(&world), Status::Pending);
    assert_eq!(resume(&world), Err(ResumeError::NotParked));
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Pending);
    assert_eq!(order.saga.parked.as_deref(), Some("failed 24 times, last: test"));
    assert!(world.with(|state| state.moods["Commit"].is_empty()), "tried {tries} times");
    assert_eq!(world.log(), ["order.placed", "saga.parked"]);
    let event = world.2.events().pop().unwrap();
    assert!(event.data.contains("\"reason\":\"failed 24 times, last: test\""), "{event:?}");

    let swept = run(world.process("sweeper").sweep()).unwrap();
    assert_eq!((swept.unfinished, swept.parked), (0, vec![ID.to_owned()]), "it stays in sight");
    let looked = run(world.process("look").touch(ID)).unwrap().unwrap();
    assert_eq!(looked.order, order, "a look does not move it");

    assert_eq!(resume(&world), Ok(Status::Confirmed));
    assert_eq!(resume(&world), Err(ResumeError::NotParked));
    world.check(&world.settle(ID));
    assert_eq!(world.log(), ["order.placed", "saga.parked", "order.confirmed"]);
    let history = world.loaded(ID).history().unwrap();
    let by = Event::Resumed { by: "usr_admin".to_owned() };
    assert!(history.iter().any(|recorded| recorded.event == by));
}

#[test]
fn a_compensation_that_never_works_is_parked_and_its_money_goes_back_later() {
    let world = World::new();
    place(&world);
    world.mood("CancelPayment", &vec![Mood::Refuses; PARK_ATTEMPTS as usize]);
    let cancelled = run(world.process("second").cancel(ID, None)).unwrap();
    assert_eq!(cancelled.order.status, Status::Confirmed);
    let order = world.settle(ID);
    assert!(order.saga.parked.is_some(), "{order:?}");
    assert_eq!(resume(&world), Ok(Status::Cancelled));
    world.check(&world.settle(ID));
}

#[test]
fn a_move_that_is_tried_seldom_is_parked_by_its_age() {
    let world = World::new();
    world.mood("Ship", &[Mood::Fails; 99]);
    place(&world);
    while world.loaded(ID).order.saga.attempts < ATTEMPTS_MAX {
        world.with(|state| state.now_ms += 20_000);
        run(world.process("look").touch(ID)).unwrap();
    }
    assert_eq!(world.loaded(ID).order.saga.parked, None);
    world.with(|state| state.now_ms += PARK_AGE_MS);
    run(world.process("look").touch(ID)).unwrap();
    let saga = world.loaded(ID).order.saga;
    assert!(saga.parked.is_some(), "{saga:?}");
}

#[test]
fn a_parked_order_can_be_called_off() {
    let world = World::new();
    world.mood("Ship", &vec![Mood::Fails; PARK_ATTEMPTS as usize]);
    place(&world);
    assert!(world.settle(ID).saga.parked.is_some());
    let order = run(world.process("second").cancel(ID, None)).unwrap().order;
    assert_eq!(order.status, Status::Cancelled);
    world.check(&world.settle(ID));
}

#[test]
fn only_the_version_that_was_seen_is_called_off() {
    let world = World::new();
    place(&world);
    let seen = world.loaded(ID).order.version;
    let cancel = |versions: &[u64]| run(world.process("second").cancel(ID, Some(versions)));
    assert_eq!(cancel(&[seen + 1, 1]).unwrap_err(), CancelError::Changed(seen));
    assert_eq!(world.loaded(ID).order.version, seen);
    assert_eq!(cancel(&[1, seen]).unwrap().order.status, Status::Cancelled);
    let again = cancel(&[seen]).unwrap();
    assert_eq!(again.order.status, Status::Cancelled, "it has happened already");
    world.check(&world.settle(ID));
}

/// The customer calls the order off while it is being approved, at every point where the two
/// can meet; and each of them may be the one that waits.
#[test]
fn cancelling_and_approving_meet_a_thousand_times() {
    let (mut cancelled, mut rounds) = (0, 0);
    for slow in (0..).step_by(3) {
        let mut met = false;
        for stop in BEFORE_RESERVE.. {
            let world = World::new();
            world.with(|state| state.stop_at = Some(stop));
            let process = world.process("first");
            let mut first = pin!(process.place(request(ID)));
            if step(first.as_mut()).is_ready() {
                break;
            }
            // The canceler is stopped in turn, while the first goes on to its end.
            world.with(|state| {
                state.stop_at = Some(state.waits + slow);
                state.released = false;
            });
            let canceler = world.process("second");
            let mut cancel = pin!(canceler.cancel(ID, None));
            met |= step(cancel.as_mut()).is_pending();
            let _ = step(first);
            world.with(|state| state.released = true);
            let order = world.settle(ID);
            world.check(&order);
            cancelled += u32::from(order.status == Status::Cancelled);
            rounds += 1;
        }
        if !met && slow > 0 {
            break;
        }
    }
    assert!(rounds >= 1_000, "{rounds} rounds only");
    assert!(cancelled > 100 && cancelled < rounds, "{cancelled} of {rounds}");
}

#[test]
fn a_checkout_of_older_code_is_brought_to_its_end() {
    let world = World::new();
    let begun = include_str!("../fixtures/order-v1-begun.json").trim();
    run(world.1.set(&format!("order:{ID}"), begun.as_bytes())).unwrap();
    let order = world.loaded(ID).order;
    world.happened(&order, &[Step::Reserve, Step::Authorize, Step::Capture]);
    world.with(|state| state.now_ms = order.created_at_ms + 60_000);
    let loaded = run(world.process("new").touch(ID)).unwrap().unwrap();
    assert_eq!(loaded.order.status, Status::Confirmed);
    world.check_events(&loaded.order);
    assert_eq!(world.log(), ["order.placed", "order.confirmed"]);
    let stored = String::from_utf8(run(world.1.get(&format!("order:{ID}"))).unwrap().unwrap());
    let old = begun.split("],\"lease\"").next().unwrap();
    assert!(stored.unwrap().starts_with(old), "what was written stays");
    let audited = run(world.process("auditor").audit(0, 10)).unwrap().entries;
    assert_eq!(audited.len(), 1, "it is in the register by now");
    assert_eq!((audited[0].id.as_str(), audited[0].settled), (ID, true));
}

/// Store writes of one checkout that meets no trouble: the place in the register (2), the
/// mark, the customer's list, the order; what is begun, four times; the end; the emptied
/// outbox; the end of the mark.
const WRITES: usize = 12;

#[test]
fn a_checkout_writes_no_more_than_it_must() {
    let world = World::new();
    assert_eq!(place(&world), Status::Confirmed);
    assert_eq!(world.with(|state| state.writes), WRITES);
    let (reads, calls) = (world.with(|state| state.reads), world.2.calls());
    assert_eq!((reads, calls), (5, 1));
    run(world.process("second").touch(ID)).unwrap();
    assert_eq!(world.with(|state| state.writes), WRITES, "a look writes nothing");
}
