//! A parcel that has left overrides the cancellation or rejection of its order.

use std::pin::pin;
use std::task::Poll;

use crate::world::shop::{ADA, Shop, body, read};
use crate::world::{Mood, World, request, run, step};
use http::StatusCode;
use orders::domain::event::{Action, Failure};
use orders::domain::saga::{self, Fault, Next, PARK_ATTEMPTS, PIVOT_DEADLINE_MS};
use orders::domain::{Event, Order, Recorded, ShipmentStatus, Status, Step, Undo};
use serde_json::json;

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
const CALL_OFF: Action = Action::Undo(Undo::CancelShipment);

fn place(world: &World) -> Order {
    run(world.process("first").place(request(ID))).unwrap().order
}

/// A shop in which the first shipping request seems lost and its repetition is refused.
fn contradictory(first: Mood) -> World {
    let world = World::new();
    world.mood("Ship", &[first, Mood::Refuses]);
    world
}

fn withdrawals(world: &World) -> usize {
    let history = world.loaded(ID).history().unwrap();
    let withdrawn = |it: &&Recorded| matches!(it.event, Event::RejectionWithdrawn { .. });
    history.iter().filter(withdrawn).count()
}

#[test]
fn a_rejected_order_with_a_shipped_parcel_is_fulfilled() {
    let world = contradictory(Mood::LeavesUnanswered);
    let order = place(&world);
    assert_eq!((order.status, order.rejection), (Status::Confirmed, None));
    assert_eq!(withdrawals(&world), 1);
    world.check(&world.settle(ID));
    let looked = run(world.process("look").touch(ID)).unwrap().unwrap().order;
    assert_eq!(looked.status, Status::Shipped);
    assert_eq!(world.log(), ["order.placed", "order.confirmed", "order.shipped"]);
    world.check(&world.settle(ID));
}

#[test]
fn the_outcome_depends_on_whether_the_parcel_has_left() {
    let (mut served, mut rejected) = (0, 0);
    for wait in 1.. {
        let world = contradictory(Mood::HappensUnanswered);
        world.with(|state| state.stop_at = Some(wait));
        let process = world.process("first");
        let mut first = pin!(process.place(request(ID)));
        if step(first.as_mut()).is_ready() {
            break;
        }
        world.with(|state| {
            if state.parcels.get(ID) == Some(&ShipmentStatus::Created) {
                state.parcels.insert(ID.to_owned(), ShipmentStatus::InTransit);
            }
            state.released = true;
        });
        let Poll::Ready(_) = step(first) else { panic!("stopped twice") };
        let order = world.settle(ID);
        world.check(&order);
        served += u32::from(order.status == Status::Confirmed);
        rejected += u32::from(order.status == Status::Rejected);
        assert!(withdrawals(&world) <= 1, "stopped at {wait}");
    }
    assert!(served > 3 && rejected > 3, "{served} served, {rejected} rejected");
}

#[test]
fn a_crash_at_any_step_does_not_change_the_outcome() {
    for wait in 1.. {
        let world = contradictory(Mood::LeavesUnanswered);
        world.with(|state| state.stop_at = Some(wait));
        let ended = step(pin!(world.process("first").place(request(ID)))).is_ready();
        world.with(|state| {
            state.stop_at = None;
            state.now_ms += 31_000;
        });
        run(world.process("second").place(request(ID))).unwrap();
        let order = world.settle(ID);
        assert_eq!(order.status, Status::Confirmed, "stopped at {wait}");
        world.check(&order);
        if ended {
            return assert!(wait > 20, "{wait}");
        }
    }
}

#[tokio::test]
async fn administrators_see_that_shipping_has_begun() {
    let shop = Shop::new();
    shop.world.mood("Ship", &[Mood::LeavesUnanswered, Mood::Refuses]);
    let (status, order) = read(shop.order(ADA, "k1", &body()).await).await;
    assert_eq!((status, &order["status"]), (StatusCode::CREATED, &json!("confirmed")));
    let path = format!("/api/v1/admin/orders/{}/saga", order["id"].as_str().unwrap());
    let (_, saga) = shop.get("usr_admin", &path).await;
    assert_eq!((&saga["direction"], &saga["parked"]), (&json!("forward"), &json!(null)));
    let expected = json!({
        "name": "ship", "status": "done", "attempts": 2,
        "compensation": {"name": "cancel_shipment", "status": "registered", "attempts": 1},
    });
    assert_eq!(saga["steps"][4], expected);
}

/// An order with these events after it was placed.
fn order(events: &[Event]) -> Order {
    let world = World::new();
    place(&world);
    let mut history = world.loaded(ID).history().unwrap();
    history.truncate(1);
    for event in events {
        let (sequence, at_ms) = (history.len() as u64 + 1, history[0].at_ms);
        history.push(Recorded { sequence, at_ms, event: event.clone() });
    }
    Order::fold(&history).unwrap()
}

fn record(order: &mut Order, event: Event) {
    let (sequence, at_ms) = (order.version + 1, order.created_at_ms);
    order.apply(&Recorded { sequence, at_ms, event });
}

fn done(steps: &[Step]) -> Vec<Event> {
    let both = |step: &Step| [Event::StepStarted { step: *step }, Event::StepDone { step: *step }];
    steps.iter().flat_map(both).collect()
}

/// The events after a refusal of shipping.
fn refused_by_shipping(mut events: Vec<Event>) -> Vec<Event> {
    let (code, detail) = ("no".to_owned(), "refused".to_owned());
    events.push(Event::StepStarted { step: Step::Ship });
    events.push(Event::StepRefused { step: Step::Ship, code, detail });
    events
}

fn left() -> Result<(), Fault> {
    Err(Fault::TooLate("on its way".to_owned()))
}

fn refusal() -> Result<(), Fault> {
    Err(Fault::Refused { code: "no", detail: "no money".to_owned() })
}

const BEFORE_SHIPPING: [Step; 4] = [Step::Reserve, Step::Authorize, Step::Capture, Step::Commit];

#[test]
fn a_withdrawn_rejection_is_followed_by_the_confirmation() {
    let mut order = order(&refused_by_shipping(done(&BEFORE_SHIPPING)));
    let now_ms = order.created_at_ms;
    assert_eq!(saga::next(&order, now_ms), Next::Act(CALL_OFF));
    let learned = saga::conclude(&order, CALL_OFF, left());
    assert_eq!(learned, Event::RejectionWithdrawn { detail: "on its way".to_owned() });
    record(&mut order, learned);
    assert_eq!(saga::next(&order, now_ms), Next::Record(Event::Confirmed));
    record(&mut order, Event::Confirmed);
    assert_eq!(saga::next(&order, now_ms), Next::Settled);
    record(&mut order, Event::CancelRequested);
    let learned = saga::conclude(&order, CALL_OFF, left());
    assert_eq!(learned, Event::CancelRefused { detail: "on its way".to_owned() });
}

#[test]
fn missing_steps_are_done_and_refused_ones_are_parked() {
    let mut events = done(&[Step::Reserve, Step::Authorize]);
    events.push(Event::StepStarted { step: Step::Capture });
    let mut order = order(&refused_by_shipping(events));
    let learned = saga::conclude(&order, CALL_OFF, left());
    record(&mut order, learned);
    // The deadline does not apply to steps that a parcel in transit needs.
    let late_ms = order.created_at_ms + PIVOT_DEADLINE_MS + 1;
    let capture = Action::Do(Step::Capture);
    for _ in 0..PARK_ATTEMPTS {
        assert_eq!(saga::next(&order, late_ms), Next::Act(capture));
        let silence = Err(Fault::Failed(Failure::Unknown, "silence".to_owned()));
        let failed = saga::conclude(&order, capture, silence);
        record(&mut order, failed);
    }
    let Next::Record(Event::Parked { .. }) = saga::next(&order, late_ms) else {
        panic!("{order:?}")
    };
    let Event::Parked { action, reason } = saga::conclude(&order, capture, refusal()) else {
        panic!("{order:?}")
    };
    assert_eq!(action, capture);
    assert_eq!(reason, "a parcel has left, and the step `Capture` was refused: no money");
    record(&mut order, Event::Parked { action, reason });
    assert_eq!(saga::next(&order, late_ms), Next::Parked);
    record(&mut order, Event::Resumed { by: "usr_admin".to_owned() });
    record(&mut order, Event::StepDone { step: Step::Capture });
    let commit = Event::StepStarted { step: Step::Commit };
    assert_eq!(saga::next(&order, late_ms), Next::Record(commit));
}

#[test]
fn pieces_with_a_lost_reservation_are_reserved_again() {
    let events = done(&[Step::Reserve, Step::Authorize, Step::Capture]);
    let mut order = order(&refused_by_shipping(events));
    let learned = saga::conclude(&order, CALL_OFF, left());
    record(&mut order, learned);
    record(&mut order, Event::StepStarted { step: Step::Commit });
    let lost = saga::conclude(&order, Action::Do(Step::Commit), Err(Fault::ReservationLost));
    assert_eq!(lost, Event::ReservationLost);
    record(&mut order, lost);
    record(&mut order, Event::StepStarted { step: Step::Reserve });
    let sold_out = Fault::Refused { code: "out_of_stock", detail: "sold out".to_owned() };
    let parked = saga::conclude(&order, Action::Do(Step::Reserve), Err(sold_out));
    let reason = "a parcel has left, and the step `Reserve` was refused: sold out".to_owned();
    assert_eq!(parked, Event::Parked { action: Action::Do(Step::Reserve), reason });
}

#[test]
fn a_shipped_parcel_that_was_already_compensated_is_parked() {
    for (undone, reason) in [
        (vec![Undo::CancelPayment], "its payment was already refunded"),
        (vec![Undo::TakeBack], "its pieces were already restocked"),
        (vec![Undo::Release], "its pieces were already restocked"),
        (
            vec![Undo::TakeBack, Undo::CancelPayment],
            "its payment was already refunded and its pieces were already restocked",
        ),
    ] {
        let mut events = refused_by_shipping(done(&BEFORE_SHIPPING));
        events.extend(undone.into_iter().map(|undo| Event::Undone { undo }));
        let order = order(&events);
        let reason = format!("a parcel has left, and {reason}");
        let learned = saga::conclude(&order, CALL_OFF, left());
        assert_eq!(learned, Event::Parked { action: CALL_OFF, reason });
    }
}
