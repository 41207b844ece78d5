//! Cancellations at the same time as other changes of the order.

use std::pin::pin;

use crate::simulation::{ID, Process, Simulation, at_every_wait, place, step};
use orders::domain::{ShipmentStatus, Status};

fn placed() -> Simulation {
    let simulation = Simulation::new();
    simulation.place();
    simulation
}

#[test]
fn a_parcel_that_leaves_during_the_cancellation_is_delivered() {
    let mut refused = 0;
    let cancel = async |process: Process| process.cancel(ID, None).await;
    at_every_wait(placed, cancel, |simulation, resume| {
        if simulation.parcel(ID) == Some(ShipmentStatus::Created) {
            simulation.set_parcel(ID, ShipmentStatus::InTransit);
        }
        match resume() {
            Ok(loaded) => assert_eq!(loaded.order.status, Status::Cancelled),
            Err(_) => refused += 1,
        }
        simulation.check(&simulation.settle(ID));
    });
    assert!(refused > 3, "{refused}");
}

/// The customer cancels the order while it is being confirmed. Both processes stop at each of their
/// waits.
#[test]
fn a_cancellation_and_a_confirmation_may_overlap_at_any_point() {
    let (mut canceled, mut rounds) = (0, 0);
    for pause in (0..).step_by(3) {
        let mut stopped = false;
        at_every_wait(Simulation::new, place, |simulation, resume| {
            simulation.stop_after(pause);
            let process = simulation.process();
            let mut cancel = pin!(process.cancel(ID, None));
            stopped |= step(cancel.as_mut()).is_pending();
            resume();
            let order = simulation.settle(ID);
            simulation.check(&order);
            canceled += u32::from(order.status == Status::Cancelled);
            rounds += 1;
        });
        if !stopped && pause > 0 {
            break;
        }
    }
    assert!(rounds >= 1_000, "only {rounds} rounds");
    assert!(canceled > 100 && canceled < rounds, "{canceled} of {rounds}");
}
