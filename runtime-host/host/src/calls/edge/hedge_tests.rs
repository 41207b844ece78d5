//! When a read is made a second time, and which answer counts.

use super::tests::{MS, Response, Value, breaker, call, may_repeat};
use super::*;
use crate::calls::{CallError, Hedge, Kind};
use std::sync::atomic::AtomicU32;
use tessera_resilience::{budget, bulkhead};

/// What the callee does with an attempt: answers after this time.
type Script = fn(u32) -> (u64, Response);

/// An edge with hedging after 50 ms, and what reached the callee.
struct World {
    edge: Edge,
    begun: AtomicU32,
    ended: AtomicU32,
}

impl World {
    fn new(policy: Policy) -> Self {
        let budget = budget::Options { percent: 0, min_per_second: 1, window: 10_000 * MS };
        let policy = Policy { hedge: Some(Hedge { delay: 50 * MS, budget }), ..policy };
        let (caller, callee) = ("orders".into(), "stock".into());
        let context = EdgeContext::default();
        let edge = Edge::new(caller, callee, Vec::new(), Arc::new(policy), &context);
        Self { edge, begun: AtomicU32::new(0), ended: AtomicU32::new(0) }
    }

    /// Makes a call with a second of time.
    async fn read(&self, is_read: bool, script: Script) -> Response {
        let attempt = async |attempt: Attempt| {
            self.begun.fetch_add(1, Ordering::Relaxed);
            let (ms, answer) = script(attempt.number);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            self.ended.fetch_add(1, Ordering::Relaxed);
            answer
        };
        let call = call(1_000 * MS);
        self.edge.call(&call, may_repeat(true), is_read, attempt).await
    }

    /// Attempts that began, and those that ended.
    fn attempts(&self) -> (u32, u32) {
        (self.begun.swap(0, Ordering::Relaxed), self.ended.swap(0, Ordering::Relaxed))
    }
}

fn failed() -> Response {
    Err(CallError::new(Kind::Trap, "test"))
}

#[tokio::test(start_paused = true)]
async fn a_late_read_is_made_once_more_and_the_loser_is_canceled() {
    let world = World::new(Policy::default());
    let begun = Instant::now();
    let answer = world.read(true, |number| match number {
        1 => (900, Ok(Value(1))),
        _ => (10, Ok(Value(2))),
    });
    assert_eq!(answer.await.unwrap(), Value(2));
    assert_eq!((begun.elapsed(), world.attempts()), (60 * MS, (2, 1)));
    assert_eq!((world.edge.counts.hedges.get(), world.edge.counts.hedges_won.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_in_time_is_made_once() {
    let world = World::new(Policy::default());
    assert_eq!(world.read(true, |_| (40, Ok(Value(1)))).await.unwrap(), Value(1));
    assert_eq!(world.attempts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_made_twice_is_not() {
    let world = World::new(Policy::default());
    world.read(false, |_| (500, Ok(Value(1)))).await.unwrap();
    assert_eq!(world.attempts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_waits_for_the_other() {
    let world = World::new(Policy::default());
    let answer = world.read(true, |number| match number {
        1 => (200, Ok(Value(1))),
        _ => (10, failed()),
    });
    assert_eq!(answer.await.unwrap(), Value(1));
    let answer = world.read(true, |number| match number {
        1 => (60, failed()),
        _ => (100, Ok(Value(2))),
    });
    assert_eq!(answer.await.unwrap(), Value(2));
    assert_eq!(world.edge.counts.hedges_won.get(), 0, "the answer of the other one was first");
    let answer = world.read(true, |number| match number {
        1 => (200, Ok(Value(1))),
        _ => (10, Ok(Value(500))),
    });
    assert_eq!(answer.await.unwrap(), Value(1), "a response may be a failure, too");
    let answer = world.read(true, |number| (10 * u64::from(7 - number), failed()));
    assert_eq!(answer.await.unwrap_err().kind, Kind::Trap);
}

#[tokio::test(start_paused = true)]
async fn the_budget_bounds_second_attempts() {
    let world = World::new(Policy::default());
    for _ in 0..50 {
        world.read(true, |_| (60, Ok(Value(1)))).await.unwrap();
        // Within the window of the budget.
    }
    let (begun, _) = world.attempts();
    assert_eq!(begun, 60, "one per second of the window");
    assert_eq!(world.edge.counts.retries_over_budget.get(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_fails_gets_no_second_attempts() {
    let world = World::new(Policy { breaker: Some(breaker()), ..Policy::default() });
    for _ in 0..2 {
        world.read(true, |_| (1, failed())).await.unwrap_err();
    }
    tokio::time::advance(2_000 * MS).await;
    world.attempts();
    // A probe.
    world.read(true, |_| (500, Ok(Value(1)))).await.unwrap();
    assert_eq!(world.attempts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_loser_frees_its_permit() {
    let options = bulkhead::Options { concurrency_max: 2, ..bulkhead::Options::default() };
    let world = World::new(Policy { bulkhead: Some(options), ..Policy::default() });
    world.read(true, |number| (if number == 1 { 900 } else { 10 }, Ok(Value(1)))).await.unwrap();
    assert_eq!(world.edge.bulkhead.as_ref().unwrap().running(), 0);
}
