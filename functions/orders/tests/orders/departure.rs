//! A parcel that has left overrides the cancellation or rejection of its order.

use crate::simulation::{Answer, ID, Shop, Simulation, at_every_wait, place};
use orders::domain::event::{Action, Failure};
use orders::domain::saga::{self, Fault, Next, PARK_ATTEMPTS, PIVOT_DEADLINE_MS};
use orders::domain::{Event, Order, Recorded, ShipmentStatus, Status, Step, Undo};
use serde_json::json;

const CANCEL_SHIPMENT: Action = Action::Undo(Undo::CancelShipment);

/// The first shipping request seems lost, and its repetition is refused.
fn contradictory(first: Answer) -> Simulation {
    let simulation = Simulation::new();
    simulation.script("Ship", &[first, Answer::Refused]);
    simulation
}

fn withdrawals(simulation: &Simulation) -> usize {
    let history = simulation.loaded(ID).history().unwrap();
    let withdrawn = |it: &&Recorded| matches!(it.event, Event::RejectionWithdrawn { .. });
    history.iter().filter(withdrawn).count()
}

#[test]
fn a_rejected_order_with_a_shipped_parcel_is_fulfilled() {
    let simulation = contradictory(Answer::ResponseLostAndPickedUp);
    let order = simulation.place();
    assert_eq!((order.status, order.rejection), (Status::Confirmed, None));
    assert_eq!(withdrawals(&simulation), 1);
    simulation.check(&simulation.settle(ID));
    assert_eq!(simulation.touch().status, Status::Shipped);
    assert_eq!(simulation.published(), ["order.placed", "order.confirmed", "order.shipped"]);
    simulation.check(&simulation.settle(ID));
}

#[test]
fn the_result_depends_on_whether_the_parcel_has_left() {
    let (mut confirmed, mut rejected) = (0, 0);
    let prepare = || contradictory(Answer::ResponseLost);
    at_every_wait(prepare, place, |simulation, resume| {
        if simulation.parcel(ID) == Some(ShipmentStatus::Created) {
            simulation.set_parcel(ID, ShipmentStatus::InTransit);
        }
        resume();
        let order = simulation.settle(ID);
        simulation.check(&order);
        confirmed += u32::from(order.status == Status::Confirmed);
        rejected += u32::from(order.status == Status::Rejected);
        assert!(withdrawals(simulation) <= 1);
    });
    assert!(confirmed > 3 && rejected > 3, "{confirmed} confirmed, {rejected} rejected");
}

#[test]
fn a_crash_at_any_point_does_not_change_the_result() {
    let prepare = || contradictory(Answer::ResponseLostAndPickedUp);
    let waits = at_every_wait(prepare, place, |simulation, _| {
        simulation.advance(31_000);
        simulation.place();
        let order = simulation.settle(ID);
        assert_eq!(order.status, Status::Confirmed);
        simulation.check(&order);
    });
    assert!(waits > 20, "{waits}");
}

#[tokio::test]
async fn administrators_see_the_withdrawn_rejection() {
    let shop = Shop::new();
    shop.simulation.script("Ship", &[Answer::ResponseLostAndPickedUp, Answer::Refused]);
    let order = shop.place().await;
    assert_eq!(order["status"], "confirmed");
    let path = format!("/api/v1/admin/orders/{}/saga", order["id"].as_str().unwrap());
    let saga = shop.admin().get(&path).await.expect(200);
    assert_eq!((&saga["direction"], &saga["parked"]), (&json!("forward"), &json!(null)));
    let expected = json!({
        "name": "ship", "status": "done", "attempts": 2,
        "compensation": {"name": "cancel_shipment", "status": "registered", "attempts": 1},
    });
    assert_eq!(saga["steps"][4], expected);
}

/// An order with these events after it was placed.
fn order(events: &[Event]) -> Order {
    let mut order = Order::new(crate::simulation::placed(ID), 1_000);
    events.iter().for_each(|event| record(&mut order, event.clone()));
    order
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

fn has_left() -> Result<(), Fault> {
    Err(Fault::TooLate("in transit".to_owned()))
}

fn refusal() -> Result<(), Fault> {
    Err(Fault::Refused { code: "no", detail: "no money".to_owned() })
}

const BEFORE_SHIPPING: [Step; 4] = [Step::Reserve, Step::Authorize, Step::Capture, Step::Commit];

#[test]
fn missing_steps_are_done_and_refused_ones_are_parked() {
    let mut events = done(&[Step::Reserve, Step::Authorize]);
    events.push(Event::StepStarted { step: Step::Capture });
    let mut order = order(&refused_by_shipping(events));
    let learned = saga::conclude(&order, CANCEL_SHIPMENT, has_left());
    record(&mut order, learned);
    // The deadline does not apply to steps that a parcel in transit needs.
    let late_ms = order.created_at_ms + PIVOT_DEADLINE_MS + 1;
    let capture = Action::Do(Step::Capture);
    for _ in 0..PARK_ATTEMPTS {
        assert_eq!(saga::next(&order, late_ms), Next::Act(capture));
        let failure = Err(Fault::Failed(Failure::Unknown, "no answer".to_owned()));
        let failed = saga::conclude(&order, capture, failure);
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
fn items_with_a_lost_reservation_are_reserved_again() {
    let events = done(&[Step::Reserve, Step::Authorize, Step::Capture]);
    let mut order = order(&refused_by_shipping(events));
    let learned = saga::conclude(&order, CANCEL_SHIPMENT, has_left());
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
        let learned = saga::conclude(&order, CANCEL_SHIPMENT, has_left());
        assert_eq!(learned, Event::Parked { action: CANCEL_SHIPMENT, reason });
    }
}
