//! The checkout under all failures: whatever a participant does, and wherever a process dies or
//! outlives its lease, an order has exactly one result, and money, stock and parcels match it.

use crate::simulation::{
    ANSWERS, Answer, ID, Simulation, at_every_wait, place, run, shipment_event, step,
};
use std::pin::pin;

use chassis::store::Store;
use orders::domain::saga::{ATTEMPTS_MAX, PIVOT_DEADLINE_MS};
use orders::domain::{Order, ShipmentStatus, Status, Step};
use orders::service::CancelError;
use proptest::prelude::*;

const STEPS: [&str; 5] = ["Reserve", "Authorize", "Capture", "Commit", "Ship"];
const UNDOS: [&str; 4] = ["CancelShipment", "TakeBack", "CancelPayment", "Release"];
/// Longer than a lease.
const LEASE_MS: u64 = 31_000;

#[test]
fn a_rejected_order_has_a_reason() {
    let (lost, expiring) = (vec![Answer::RequestLost; ATTEMPTS_MAX as usize], 9);
    for (call, answers, expiring, code) in [
        ("Authorize", lost, 0, "payment_unavailable"),
        ("Authorize", vec![Answer::Mismatch], 0, "payment_mismatch"),
        ("Capture", vec![Answer::Mismatch], 0, "payment_mismatch"),
        ("Commit", vec![], expiring, "out_of_stock"),
    ] {
        let simulation = Simulation::new();
        simulation.script(call, &answers);
        simulation.with(|state| state.expiring_reservations = expiring);
        let order = simulation.place();
        assert_eq!(order.rejection.as_ref().unwrap().code, code);
        assert!(simulation.with(|state| state.answers[call].is_empty()));
        simulation.check(&order);
    }
}

#[test]
fn an_expired_reservation_is_repeated_after_the_payment() {
    let simulation = Simulation::new();
    simulation.with(|state| state.expiring_reservations = 2);
    let order = simulation.place();
    assert_eq!((order.status, order.saga.generation), (Status::Confirmed, 2));
    simulation.check(&order);
}

#[test]
fn an_order_that_was_interrupted_before_the_pivot_is_rejected_after_the_deadline() {
    let simulation = Simulation::new();
    simulation.stop_after(20);
    assert!(interrupted(&simulation));
    simulation.advance(PIVOT_DEADLINE_MS + 1);
    let order = simulation.settle(ID);
    assert_eq!(order.status, Status::Rejected);
    simulation.check(&order);
}

#[test]
fn a_sweep_right_after_a_crash_finishes_the_order() {
    let simulation = Simulation::new();
    simulation.stop_after(30);
    assert!(interrupted(&simulation));
    let report = run(simulation.process().sweep()).unwrap();
    assert_eq!((report.settled, report.unfinished), (1, 0));
    simulation.check(&simulation.settle(ID));
}

/// Places an order. True if the process stops, which then never continues.
fn interrupted(simulation: &Simulation) -> bool {
    step(pin!(place(simulation.process()))).is_pending()
}

#[test]
fn all_combinations_of_first_failures_have_a_consistent_result() {
    for code in 0..ANSWERS.len().pow(5) {
        let digit = |digit| code / ANSWERS.len().pow(digit) % ANSWERS.len();
        let answers: Vec<Answer> = (0..5).map(|step| ANSWERS[digit(step)]).collect();
        let simulation = Simulation::new();
        for (call, answer) in STEPS.iter().zip(&answers) {
            simulation.script(call, &[*answer]);
        }
        simulation.place();
        let order = simulation.settle(ID);
        simulation.check(&order);
        let refused = answers.contains(&Answer::Refused);
        let expected = if refused { Status::Rejected } else { Status::Confirmed };
        assert_eq!(order.status, expected, "{answers:?}");
    }
}

/// Continues a stopped process to its end.
type Resume<'a> = &'a mut dyn FnMut() -> Order;
type Failures = (&'static str, Vec<Answer>);

/// Each single kind of failure, and none.
fn failures() -> Vec<Failures> {
    let mut all = vec![("Reserve", Vec::new())];
    for step in STEPS {
        all.extend(ANSWERS[1..].iter().map(|answer| (step, vec![*answer])));
        all.push((step, vec![Answer::RequestLost; 6]));
        all.push((step, vec![Answer::ResponseLost; 6]));
    }
    all.push(("Publish", vec![Answer::Unavailable; 2]));
    all.push(("Publish", vec![Answer::ResponseLost; 2]));
    all
}

/// Stops a checkout with each kind of failures at each of its waits.
fn at_every_wait_of_a_checkout(
    mut while_stopped: impl FnMut(&Simulation, Resume<'_>, &Failures),
    mut at_end: impl FnMut(&Failures, usize),
) {
    for failures in failures() {
        let prepare = || {
            let simulation = Simulation::new();
            simulation.script(failures.0, &failures.1);
            simulation
        };
        let waits =
            at_every_wait(prepare, place, |it, resume| while_stopped(it, resume, &failures));
        at_end(&failures, waits);
    }
}

#[test]
fn a_process_may_die_at_any_point() {
    let while_stopped = |simulation: &Simulation, _: Resume<'_>, _: &Failures| {
        // The client repeats its request; the rest is left to the sweep.
        simulation.advance(LEASE_MS);
        simulation.place();
        simulation.check(&simulation.settle(ID));
    };
    at_every_wait_of_a_checkout(while_stopped, |failures, waits| {
        assert!(waits > 20, "{failures:?}: only {waits} waits");
    });
}

#[test]
fn a_process_may_outlive_its_lease_and_continue() {
    let while_stopped = |simulation: &Simulation, resume: Resume<'_>, _: &Failures| {
        simulation.advance(LEASE_MS);
        simulation.place();
        simulation.settle(ID);
        resume();
        simulation.check(&simulation.settle(ID));
    };
    at_every_wait_of_a_checkout(while_stopped, |_, _| {});
}

#[test]
fn a_customer_may_cancel_at_any_point() {
    let mut canceled = 0;
    let while_stopped = |simulation: &Simulation, resume: Resume<'_>, failures: &Failures| {
        let exists = run(simulation.process().recorded(ID)).unwrap().is_some();
        let result = simulation.cancel();
        assert!(exists || result == Err(CancelError::NotFound));
        resume();
        let order = simulation.settle(ID);
        simulation.check(&order);
        if result.is_ok() {
            assert_eq!(order.status, Status::Cancelled, "{failures:?}");
            canceled += 1;
        }
    };
    let mut seen = 0;
    at_every_wait_of_a_checkout(while_stopped, |_, _| seen += 1);
    assert!(canceled > 3 * seen, "only {canceled} cancellations");
}

/// A parcel may leave before the process that requested it has recorded the answer.
#[test]
fn an_event_of_shipping_may_arrive_at_any_point() {
    let mut arrived = 0;
    at_every_wait(Simulation::new, place, |simulation, resume| {
        if simulation.parcel(ID).is_none() {
            return;
        }
        arrived += 1;
        simulation.set_parcel(ID, ShipmentStatus::InTransit);
        simulation.receive(&shipment_event(ID, 1, &[(2, "in_transit")]));
        resume();
        let order = simulation.settle(ID);
        assert_eq!(order.status, Status::Shipped);
        simulation.check(&order);
    });
    assert!(arrived > 4, "{arrived}");
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop::sample::select(ANSWERS.to_vec())
}

fn answer_to_undo() -> impl Strategy<Value = Answer> {
    use Answer::{Normal, RequestLost, ResponseLost, Unavailable};
    prop::sample::select(vec![Normal, Unavailable, ResponseLost, RequestLost])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mixture_of_failures_has_a_consistent_result(
        steps in prop::collection::vec(prop::collection::vec(any_answer(), 0..8), 5),
        undos in prop::collection::vec(prop::collection::vec(answer_to_undo(), 0..8), 4),
        stop in 1_usize..120,
        cancels in any::<bool>(),
        continues in any::<bool>(),
        expiring in 0_u32..4,
        pause_ms in 0_u64..600_000,
    ) {
        let simulation = Simulation::new();
        for (call, answers) in STEPS.iter().zip(&steps).chain(UNDOS.iter().zip(&undos)) {
            simulation.script(call, answers);
        }
        simulation.with(|state| state.expiring_reservations = expiring);
        simulation.stop_after(stop);
        let mut first = Box::pin(place(simulation.process()));
        let ended = step(first.as_mut()).is_ready();
        if ended {
            simulation.release();
        }
        simulation.advance(pause_ms);
        if cancels {
            let _ = simulation.cancel();
        }
        simulation.place();
        simulation.settle(ID);
        simulation.release();
        if continues && !ended {
            prop_assert!(step(first.as_mut()).is_ready());
        }
        simulation.check(&simulation.settle(ID));
    }
}

/// A checkout that an older version has started.
#[test]
fn a_checkout_of_an_older_version_is_finished() {
    let simulation = Simulation::new();
    let stored = include_str!("../fixtures/order-v1-begun.json").trim();
    let key = format!("order:{ID}");
    run(simulation.store.set(&key, stored.as_bytes())).unwrap();
    let order = simulation.loaded(ID).order;
    simulation.perform_steps(&order, &[Step::Reserve, Step::Authorize, Step::Capture]);
    simulation.with(|state| state.now_ms = order.created_at_ms + 60_000);
    let order = simulation.touch();
    assert_eq!(order.status, Status::Confirmed);
    simulation.check_events(&order);
    assert_eq!(simulation.published(), ["order.placed", "order.confirmed"]);
    let now = String::from_utf8(run(simulation.store.get(&key)).unwrap().unwrap()).unwrap();
    let old = stored.split("],\"lease\"").next().unwrap();
    assert!(now.starts_with(old), "stored events are not changed");
    let audited = run(simulation.process().audit(0, 10)).unwrap().entries;
    assert_eq!(audited.len(), 1, "it was added to the register");
    assert_eq!((audited[0].id.as_str(), audited[0].settled), (ID, true));
}

/// Writes of a checkout without failures: the register (2), the mark, the customer's index, the
/// order; four started steps; the end; the empty outbox; the removed mark.
const WRITES: usize = 12;

#[test]
fn a_checkout_has_a_minimum_of_store_operations() {
    let simulation = Simulation::new();
    assert_eq!(simulation.place().status, Status::Confirmed);
    let operations = || simulation.with(|state| (state.reads, state.writes));
    assert_eq!((operations(), simulation.log.calls()), ((5, WRITES), 1));
    simulation.touch();
    assert_eq!(operations().1, WRITES, "reading it writes nothing");
}
