//! The policy of an edge: what reaches the callee, and what the caller gets.

use super::*;
use crate::calls::{CallError, Kind};
use crate::telemetry::{SpanKind, TraceContext};
use std::sync::atomic::AtomicU32;
use tessera_resilience::breaker::Mode;
use tessera_resilience::{breaker, budget, bulkhead, retry};

pub(super) const MS: Duration = Duration::from_millis(1);

/// A response of the callee.
#[derive(Debug, PartialEq)]
pub(super) struct Value(pub(super) u32);

/// As with HTTP: 500 is a failure that another attempt would not change.
impl Judge for Value {
    fn judge(&self) -> Judgment {
        match self.0 {
            500 => Judgment::failure(Repeat::Never),
            _ => Judgment::SUCCESS,
        }
    }
}

pub(super) type Response = Result<Value, CallError>;

/// An edge, and what its callee was asked.
struct World {
    edge: Edge,
    attempts: AtomicU32,
}

impl World {
    fn new(policy: Policy) -> Self {
        let (caller, callee) = ("orders".into(), "payments".into());
        let context = EdgeContext::default();
        let edge = Edge::new(caller, callee, Vec::new(), Arc::new(policy), &context);
        Self { edge, attempts: AtomicU32::new(0) }
    }

    /// Calls a callee that answers each attempt with `answer`.
    async fn call(&self, is_idempotent: bool, answer: impl Fn(Attempt) -> Response) -> Response {
        let call = call(Duration::from_secs(30));
        let attempt = |attempt: Attempt| {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let answer = answer(attempt);
            async { answer }
        };
        self.edge.call(&call, may_repeat(is_idempotent), is_idempotent, attempt).await
    }

    /// The attempts since the last time.
    fn attempts(&self) -> u32 {
        self.attempts.swap(0, Ordering::Relaxed)
    }
}

pub(super) fn call(time: Duration) -> Call {
    let call = Call::from_outside(SpanKind::Link, "pay.charge".into(), TraceContext::root());
    Call { deadline: Some(Deadline::after(time)), ..call }
}

pub(super) fn may_repeat(is_idempotent: bool) -> impl Fn(Repeat) -> bool {
    move |repeat| is_idempotent || repeat == Repeat::Always
}

fn retry() -> Retry {
    Retry {
        pauses: retry::Options {
            attempts_max: 3,
            backoff: 10 * MS,
            backoff_max: 100 * MS,
            retry_after_max: 5_000 * MS,
        },
        budget: budget::Options { percent: 0, min_per_second: 1, window: 10_000 * MS },
    }
}

pub(super) fn breaker() -> breaker::Options {
    breaker::Options {
        consecutive_failures: 2,
        failure_percent: 0,
        calls_min: 1,
        window: 10_000 * MS,
        open: 1_000 * MS,
        open_max: 1_000 * MS,
        probes: 1,
    }
}

fn fails(kind: Kind) -> impl Fn(Attempt) -> Response {
    move |_| Err(CallError::new(kind, "test"))
}

#[tokio::test(start_paused = true)]
async fn idempotent_calls_are_repeated_until_one_succeeds() {
    let world = World::new(Policy { retry: Some(retry()), ..Policy::default() });
    let answer = world.call(true, |attempt| match attempt.number {
        3 => Ok(Value(3)),
        _ => Err(CallError::new(Kind::Trap, "test")),
    });
    assert_eq!(answer.await.unwrap(), Value(3));
    assert_eq!(world.attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_taken_effect_is_not_repeated() {
    let world = World::new(Policy { retry: Some(retry()), ..Policy::default() });
    let error = world.call(false, fails(Kind::Trap)).await.unwrap_err();
    assert_eq!((error.kind, world.attempts()), (Kind::Trap, 1));
    world.call(false, fails(Kind::QueueFull)).await.unwrap_err();
    assert_eq!(world.attempts(), 3, "a refused call took no effect");
}

#[tokio::test(start_paused = true)]
async fn a_budget_bounds_the_retries_of_all_calls() {
    let world = World::new(Policy { retry: Some(retry()), ..Policy::default() });
    for _ in 0..100 {
        world.call(true, fails(Kind::Trap)).await.unwrap_err();
    }
    assert_eq!(world.attempts(), 110, "one per second of the window");
}

#[tokio::test(start_paused = true)]
async fn no_retry_begins_that_can_not_end_in_time() {
    let world = World::new(Policy { retry: Some(retry()), ..Policy::default() });
    let slow = |_: Attempt| async {
        tokio::time::sleep(100 * MS).await;
        Response::Ok(Value(1))
    };
    world.edge.call(&call(1_000 * MS), may_repeat(true), true, slow).await.unwrap();
    let fail = |_: Attempt| {
        world.attempts.fetch_add(1, Ordering::Relaxed);
        async { Response::Err(CallError::new(Kind::Trap, "test")) }
    };
    world.edge.call(&call(90 * MS), may_repeat(true), true, fail).await.unwrap_err();
    assert_eq!(world.attempts(), 1, "an attempt takes 100 ms");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_a_time_of_its_own_within_the_deadline() {
    let policy = Policy { timeout: Some(50 * MS), ..Policy::default() };
    let world = World::new(policy);
    let remaining = |attempt: Attempt| Ok(Value(attempt.deadline.remaining().as_millis() as u32));
    assert_eq!(world.call(false, remaining).await.unwrap(), Value(50));
    let attempt = |attempt: Attempt| async move { remaining(attempt) };
    let answer = world.edge.call(&call(20 * MS), may_repeat(false), false, attempt).await;
    assert_eq!(answer.unwrap(), Value(20));
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_fails_is_not_called_until_a_probe_succeeds() {
    let world = World::new(Policy { breaker: Some(breaker()), ..Policy::default() });
    for _ in 0..10 {
        world.call(false, fails(Kind::Trap)).await.unwrap_err();
    }
    assert_eq!(world.attempts(), 2);
    let error = world.call(false, fails(Kind::Trap)).await.unwrap_err();
    assert_eq!(error.kind, Kind::CircuitOpen);
    let wait = error.retry_after().unwrap();
    assert!((1_000..=1_250).contains(&wait.as_millis()), "{wait:?}");
    tokio::time::advance(wait).await;
    world.call(false, |_| Ok(Value(1))).await.unwrap();
    world.call(false, |_| Ok(Value(1))).await.unwrap();
    assert_eq!(world.edge.view().breaker, Some("closed"));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_ends_the_retries() {
    let policy = Policy { retry: Some(retry()), breaker: Some(breaker()), ..Policy::default() };
    let world = World::new(policy);
    let error = world.call(true, fails(Kind::Trap)).await.unwrap_err();
    assert_eq!((error.kind, world.attempts()), (Kind::Trap, 2), "the last answer is kept");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_frees_its_probe() {
    let world = World::new(Policy { breaker: Some(breaker()), ..Policy::default() });
    for _ in 0..2 {
        world.call(false, fails(Kind::Trap)).await.unwrap_err();
    }
    tokio::time::advance(2_000 * MS).await;
    let call = call(1_000 * MS);
    let hangs = world.edge.once(&call, |_| std::future::pending::<Response>());
    assert!(tokio::time::timeout(10 * MS, hangs).await.is_err());
    world.call(false, |_| Ok(Value(1))).await.unwrap();
    assert_eq!(world.edge.view().breaker, Some("closed"));
}

#[tokio::test(start_paused = true)]
async fn one_caller_can_not_take_all_permits_of_a_callee() {
    let bulkhead = bulkhead::Options { concurrency_max: 2, ..bulkhead::Options::default() };
    let world = World::new(Policy { bulkhead: Some(bulkhead), ..Policy::default() });
    let call = call(1_000 * MS);
    let hang = || world.edge.once(&call, |_| std::future::pending::<Response>());
    let (mut first, mut second) = (Box::pin(hang()), Box::pin(hang()));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    let error = world.call(false, |_| Ok(Value(1))).await.unwrap_err();
    assert_eq!((error.kind, world.attempts()), (Kind::BulkheadFull, 0));
    drop(first);
    world.call(false, |_| Ok(Value(1))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_the_callee_asks_for_is_kept() {
    let world = World::new(Policy { retry: Some(retry()), ..Policy::default() });
    let begun = Instant::now();
    world.call(false, fails(Kind::QueueFull)).await.unwrap_err();
    assert!(begun.elapsed() >= Duration::from_secs(2), "a second before each retry");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_passes_in_the_queue_has_a_reason_of_its_own() {
    let bulkhead = bulkhead::Options {
        concurrency_max: 1,
        queue_length_max: 1,
        ..bulkhead::Options::default()
    };
    let world = World::new(Policy { bulkhead: Some(bulkhead), ..Policy::default() });
    let call = call(1_000 * MS);
    let mut first = Box::pin(world.edge.once(&call, |_| std::future::pending::<Response>()));
    assert!(futures::poll!(&mut first).is_pending());
    let soon = Call { deadline: Some(Deadline::after(10 * MS)), ..call.clone() };
    let late = world.edge.once(&soon, |_| std::future::pending::<Response>());
    assert_eq!(late.await.unwrap_err().kind, Kind::QueueTimeout);
    let counts = &world.edge.counts;
    assert_eq!((counts.queue_timeout.get(), counts.bulkhead_full.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_operator_opens_and_closes_a_breaker() {
    let world = World::new(Policy { breaker: Some(breaker()), ..Policy::default() });
    assert!(world.edge.set_mode(Mode::ForcedOpen));
    let error = world.call(false, |_| Ok(Value(1))).await.unwrap_err();
    assert_eq!((error.kind, world.attempts()), (Kind::CircuitOpen, 0));
    assert!(error.detail.contains("an operator"), "{error}");
    world.edge.set_mode(Mode::Disabled);
    for _ in 0..10 {
        world.call(false, fails(Kind::Trap)).await.unwrap_err();
    }
    assert_eq!(world.attempts(), 10, "whatever happens");
    world.edge.set_mode(Mode::Automatic);
    for _ in 0..10 {
        world.call(false, fails(Kind::Trap)).await.unwrap_err();
    }
    assert_eq!(world.attempts(), 2);
    assert!(!World::new(Policy::default()).edge.set_mode(Mode::ForcedOpen));
}
