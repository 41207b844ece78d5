//! The circuit breaker: what opens it, what closes it, and that it never stays half-open.

use std::time::Duration;

use proptest::prelude::*;
use tessera_resilience::breaker::{Breaker, Mode, Options, Outcome, State, Ticket};

const OPTIONS: Options = Options {
    consecutive_failures: 5,
    failure_percent: 50,
    calls_min: 20,
    window: Duration::from_secs(10),
    open: Duration::from_secs(1),
    open_max: Duration::from_secs(8),
    probes: 3,
};

/// A breaker and its clock.
struct World {
    breaker: Breaker,
    now: Duration,
}

impl World {
    fn new(options: Options) -> Self {
        Self { breaker: Breaker::new(options), now: Duration::from_secs(100) }
    }

    fn admit(&mut self) -> Option<Ticket> {
        self.breaker.admit(self.now).ok()
    }

    fn record(&mut self, ticket: Ticket, outcome: Outcome) {
        self.breaker.record(ticket, outcome, self.now, 0);
    }

    fn call(&mut self, outcome: Outcome) {
        let ticket = self.admit().expect("the call is admitted");
        self.record(ticket, outcome);
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// Opens a closed breaker.
    fn trip(&mut self) {
        for _ in 0..OPTIONS.consecutive_failures {
            self.call(Outcome::Failure);
        }
        assert_eq!(self.breaker.state(), State::Open);
    }

    /// Lets the breaker recover.
    fn recover(&mut self) {
        for _ in 0..OPTIONS.probes {
            self.call(Outcome::Success);
        }
        assert_eq!(self.breaker.state(), State::Closed);
    }

    /// How long it is open after the next failures.
    fn open_ms(&mut self) -> u128 {
        self.breaker.admit(self.now).expect_err("it is open").retry_after.as_millis()
    }
}

#[test]
fn consecutive_failures_open_it() {
    let mut world = World::new(OPTIONS);
    for _ in 0..3 {
        for _ in 0..4 {
            world.call(Outcome::Failure);
        }
        world.call(Outcome::Success);
    }
    assert_eq!(world.breaker.state(), State::Closed, "a success starts the count anew");
    world.trip();
    assert!(world.admit().is_none());
}

#[test]
fn a_failure_rate_opens_it_if_there_are_enough_calls() {
    let mut world = World::new(Options { consecutive_failures: 0, ..OPTIONS });
    for call in 0..19 {
        world.call(if call % 2 == 0 { Outcome::Failure } else { Outcome::Success });
    }
    assert_eq!(world.breaker.state(), State::Closed, "19 calls say nothing");
    world.call(Outcome::Failure);
    assert_eq!(world.breaker.state(), State::Open, "11 of 20 failed");
}

#[test]
fn failures_outside_of_the_window_do_not_count() {
    let mut world = World::new(Options { consecutive_failures: 0, ..OPTIONS });
    for _ in 0..19 {
        world.call(Outcome::Failure);
    }
    world.wait(10_001);
    for _ in 0..19 {
        world.call(Outcome::Success);
        world.call(Outcome::Success);
        world.call(Outcome::Failure);
    }
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn calls_that_say_nothing_about_the_callee_do_not_count() {
    let mut world = World::new(OPTIONS);
    for _ in 0..100 {
        world.call(Outcome::Ignored);
    }
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn a_client_that_exceeds_its_limits_does_not_cut_off_others() {
    let mut world = World::new(OPTIONS);
    for _ in 0..1_000 {
        world.call(Outcome::Overload);
        world.call(Outcome::Limited);
    }
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn a_probe_that_is_refused_makes_room_for_another_one() {
    let mut world = World::new(OPTIONS);
    world.trip();
    world.wait(1_000);
    for _ in 0..100 {
        world.call(Outcome::Overload);
        world.call(Outcome::Limited);
    }
    assert_eq!(world.breaker.state(), State::HalfOpen);
    for _ in 0..OPTIONS.probes {
        world.call(Outcome::Success);
    }
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn exactly_the_probes_pass_when_it_is_half_open() {
    let mut world = World::new(OPTIONS);
    world.trip();
    world.wait(1_000);
    let probes: Vec<Ticket> = (0..200).filter_map(|_| world.admit()).collect();
    assert_eq!((probes.len(), world.breaker.state()), (3, State::HalfOpen));
    for probe in probes {
        world.record(probe, Outcome::Success);
    }
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn one_failed_probe_opens_it_again() {
    let mut world = World::new(OPTIONS);
    world.trip();
    world.wait(1_000);
    world.call(Outcome::Success);
    world.call(Outcome::Failure);
    assert_eq!(world.breaker.state(), State::Open);
}

#[test]
fn results_of_calls_of_an_earlier_state_do_not_count() {
    let mut world = World::new(OPTIONS);
    let slow: Vec<Ticket> = (0..50).map(|_| world.admit().unwrap()).collect();
    world.trip();
    world.wait(1_000);
    let probe = world.admit().unwrap();
    for ticket in slow {
        world.record(ticket, Outcome::Success);
    }
    assert_eq!(world.breaker.state(), State::HalfOpen);
    world.record(probe, Outcome::Failure);
    assert_eq!(world.breaker.state(), State::Open);
}

#[test]
fn an_abandoned_probe_frees_its_place() {
    let mut world = World::new(Options { probes: 1, ..OPTIONS });
    world.trip();
    world.wait(1_000);
    world.call(Outcome::Ignored);
    assert_eq!(world.breaker.state(), State::HalfOpen);
    world.call(Outcome::Success);
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn a_probe_that_never_ends_is_replaced() {
    let mut world = World::new(Options { probes: 1, ..OPTIONS });
    world.trip();
    world.wait(1_000);
    let hung = world.admit().unwrap();
    assert!(world.admit().is_none());
    world.wait(1_000);
    let probe = world.admit().unwrap();
    world.record(hung, Outcome::Failure);
    assert_eq!(world.breaker.state(), State::HalfOpen, "the result of the first one is too old");
    world.record(probe, Outcome::Success);
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn rare_probes_close_it_too() {
    let mut world = World::new(OPTIONS);
    world.trip();
    for _ in 0..OPTIONS.probes {
        assert_ne!(world.breaker.state(), State::Closed);
        world.wait(60_000);
        world.call(Outcome::Success);
    }
    assert_eq!(world.breaker.state(), State::Closed);
}

#[test]
fn it_is_open_for_longer_each_time_until_it_has_recovered() {
    let mut world = World::new(OPTIONS);
    world.trip();
    let mut times = vec![world.open_ms()];
    for _ in 0..4 {
        world.wait(60_000);
        world.call(Outcome::Failure);
        times.push(world.open_ms());
    }
    assert_eq!(times, [1_000, 2_000, 4_000, 8_000, 8_000]);
    world.wait(60_000);
    world.recover();
    world.trip();
    assert_eq!(world.open_ms(), 8_000, "it failed again at once");
    world.wait(60_000);
    world.recover();
    world.wait(10_001);
    world.trip();
    assert_eq!(world.open_ms(), 1_000, "it had worked for a while");
}

#[test]
fn breakers_that_opened_together_do_not_try_again_together() {
    let mut world = World::new(OPTIONS);
    for _ in 0..OPTIONS.consecutive_failures {
        let ticket = world.admit().unwrap();
        world.breaker.record(ticket, Outcome::Failure, world.now, 512);
    }
    assert_eq!(world.open_ms(), 1_125, "half of a quarter later");
}

#[test]
fn an_operator_can_isolate_a_callee_and_switch_a_breaker_off() {
    let mut world = World::new(OPTIONS);
    world.breaker.set_mode(Mode::ForcedOpen, world.now);
    world.wait(86_400_000);
    assert_eq!((world.admit(), world.breaker.state()), (None, State::ForcedOpen));
    world.breaker.set_mode(Mode::Disabled, world.now);
    for _ in 0..100 {
        world.call(Outcome::Failure);
    }
    assert_eq!(world.breaker.state(), State::Disabled);
    world.breaker.set_mode(Mode::Automatic, world.now);
    assert_eq!(world.breaker.state(), State::Closed);
}

proptest! {
    /// Whatever happened, and whatever is never reported: after the longest time it lets a call
    /// pass, and successes close it.
    #[test]
    fn it_never_stays_open(steps in prop::collection::vec((0_u8..5, 0_u64..3_000), 0..200)) {
        let mut world = World::new(OPTIONS);
        let mut running = Vec::new();
        for (step, wait) in steps {
            world.wait(wait);
            match step {
                0 | 1 => running.extend(world.admit()),
                _ => if let Some(ticket) = running.pop() {
                    let outcome = [Outcome::Failure, Outcome::Ignored, Outcome::Overload];
                    world.record(ticket, outcome[usize::from(step - 2)]);
                },
            }
            if world.breaker.state() == State::HalfOpen {
                prop_assert!((0..10).filter_map(|_| world.admit()).count() <= 3);
            }
        }
        world.wait(20_000);
        if world.breaker.state() != State::Closed {
            for _ in 0..OPTIONS.probes {
                let probe = world.admit();
                prop_assert!(probe.is_some());
                world.record(probe.unwrap(), Outcome::Success);
            }
        }
        prop_assert_eq!(world.breaker.state(), State::Closed);
    }
}
