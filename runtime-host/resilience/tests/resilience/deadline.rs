use std::{future::pending, time::Duration};

use tessera_resilience::{Deadline, deadline::Expired};
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn time_runs_out() {
    let deadline = Deadline::after(SECOND);
    assert_eq!(deadline.remaining(), SECOND);
    advance(SECOND - Duration::from_millis(1)).await;
    assert_eq!((deadline.remaining(), deadline.is_expired()), (Duration::from_millis(1), false));
    advance(Duration::from_millis(1)).await;
    assert_eq!((deadline.remaining(), deadline.is_expired()), (Duration::ZERO, true));
    advance(SECOND).await;
    assert_eq!(deadline.remaining(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_only_shrinks() {
    let deadline = Deadline::after(SECOND);
    assert_eq!(deadline.shrink_to(2 * SECOND), deadline);
    assert_eq!(deadline.shrink_to(SECOND / 2).remaining(), SECOND / 2);
    advance(SECOND / 4).await;
    assert_eq!(deadline.shrink_to(SECOND), deadline, "the start of a step gives no new time");
}

#[tokio::test(start_paused = true)]
async fn what_remains_travels_over_the_wire() {
    let deadline = Deadline::after(SECOND);
    advance(Duration::from_micros(300_500)).await;
    assert_eq!(deadline.to_wire(), 699, "rounded down: the next hop gets no more than is left");
    let next_hop = Deadline::from_wire(Some(deadline.to_wire()), 60 * SECOND);
    assert!(next_hop <= deadline);
    advance(SECOND).await;
    assert_eq!(deadline.to_wire(), 0);
    assert!(Deadline::from_wire(Some(0), SECOND).is_expired());
}

#[tokio::test(start_paused = true)]
async fn a_caller_gets_no_more_than_the_callee_gives() {
    let remaining = |wire| Deadline::from_wire(wire, SECOND).remaining();
    assert_eq!(remaining(None), SECOND);
    assert_eq!(remaining(Some(250)), SECOND / 4);
    assert_eq!(remaining(Some(u64::MAX)), SECOND);
    assert!(Deadline::after(Duration::MAX).remaining() > 1_000 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn work_ends_at_the_deadline() {
    let start = Instant::now();
    let deadline = Deadline::after(SECOND);
    assert_eq!(deadline.limit(async { 7 }).await, Ok(7));
    assert_eq!(deadline.limit(pending::<()>()).await, Err(Expired));
    assert_eq!(start.elapsed(), SECOND);
    deadline.expired().await;
    assert_eq!(start.elapsed(), SECOND, "it does not expire twice");
}

#[tokio::test(start_paused = true)]
async fn work_does_not_start_after_the_deadline() {
    let deadline = Deadline::after(Duration::ZERO);
    let outcome = deadline.limit(async { panic!("started too late") }).await;
    assert_eq!(outcome, Err::<(), _>(Expired));
}
