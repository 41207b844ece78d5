//! Orders that have failed for too long are parked until an operator resumes them.

use crate::simulation::{Answer, ID, Simulation, run};
use orders::domain::saga::{ATTEMPTS_MAX, PARK_AGE_MS, PARK_ATTEMPTS};
use orders::domain::{Event, Status};
use orders::service::ResumeError;

const ATTEMPTS: usize = PARK_ATTEMPTS as usize;

#[test]
fn a_step_after_the_pivot_is_parked_after_its_attempts_until_it_is_resumed() {
    let simulation = Simulation::new();
    simulation.script("Commit", &[Answer::RequestLost; ATTEMPTS]);
    assert_eq!(simulation.place().status, Status::Pending);
    assert_eq!(simulation.resume(), Err(ResumeError::NotParked));
    let order = simulation.settle(ID);
    assert_eq!(order.status, Status::Pending);
    assert_eq!(order.saga.parked.as_deref(), Some("failed 24 times, last: test"));
    assert!(simulation.with(|state| state.answers["Commit"].is_empty()));
    assert_eq!(simulation.published(), ["order.placed", "saga.parked"]);
    let event = simulation.log.events().pop().unwrap();
    assert!(event.data.contains("\"reason\":\"failed 24 times, last: test\""), "{event:?}");

    let report = run(simulation.process().sweep()).unwrap();
    assert_eq!((report.unfinished, report.parked), (0, vec![ID.to_owned()]), "it is reported");
    assert_eq!(simulation.touch(), order, "a read does not continue it");

    assert_eq!(simulation.resume().unwrap().status, Status::Confirmed);
    assert_eq!(simulation.resume(), Err(ResumeError::NotParked));
    simulation.check(&simulation.settle(ID));
    assert_eq!(simulation.published(), ["order.placed", "saga.parked", "order.confirmed"]);
    let history = simulation.loaded(ID).history().unwrap();
    let by = Event::Resumed { by: "usr_admin".to_owned() };
    assert!(history.iter().any(|recorded| recorded.event == by));
}

#[test]
fn a_failing_compensation_is_parked_and_refunded_after_it_is_resumed() {
    let simulation = Simulation::new();
    simulation.place();
    simulation.script("CancelPayment", &[Answer::Refused; ATTEMPTS]);
    assert_eq!(simulation.cancel().unwrap().status, Status::Confirmed);
    let order = simulation.settle(ID);
    assert!(order.saga.parked.is_some(), "{order:?}");
    assert_eq!(simulation.resume().unwrap().status, Status::Cancelled);
    simulation.check(&simulation.settle(ID));
}

#[test]
fn a_rarely_attempted_action_is_parked_by_its_age() {
    let simulation = Simulation::new();
    simulation.script("Ship", &[Answer::Unavailable; 99]);
    simulation.place();
    while simulation.loaded(ID).order.saga.attempts < ATTEMPTS_MAX {
        simulation.advance(20_000);
        simulation.touch();
    }
    assert_eq!(simulation.loaded(ID).order.saga.parked, None);
    simulation.advance(PARK_AGE_MS);
    simulation.touch();
    let saga = simulation.loaded(ID).order.saga;
    assert!(saga.parked.is_some(), "{saga:?}");
}

#[test]
fn a_parked_order_can_be_canceled() {
    let simulation = Simulation::new();
    simulation.script("Ship", &[Answer::Unavailable; ATTEMPTS]);
    simulation.place();
    assert!(simulation.settle(ID).saga.parked.is_some());
    assert_eq!(simulation.cancel().unwrap().status, Status::Cancelled);
    simulation.check(&simulation.settle(ID));
}
