use std::future::pending;
use std::time::Duration;

use tessera_resilience::{Deadline, deadline::DeadlineError};
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
async fn a_deadline_far_in_the_future_does_not_overflow() {
    assert!(Deadline::after(Duration::MAX).remaining() > 1_000 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn work_ends_at_the_deadline() {
    let start = Instant::now();
    let deadline = Deadline::after(SECOND);
    assert_eq!(deadline.limit(async { 7 }).await, Ok(7));
    assert_eq!(deadline.limit(pending::<()>()).await, Err(DeadlineError));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn work_does_not_start_after_the_deadline() {
    let deadline = Deadline::after(Duration::ZERO);
    let outcome = deadline.limit(async { panic!("started too late") }).await;
    assert_eq!(outcome, Err::<(), _>(DeadlineError));
}
