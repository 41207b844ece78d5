//! Which calls a bulkhead serves when there are too many.

use std::net::IpAddr;
use std::time::Duration;

use tessera_resilience::bulkhead::{AcquireError, Caller, Options, Permit};
use tessera_resilience::{Bulkhead, Deadline, Priority, codel};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance, sleep};

const MS: Duration = Duration::from_millis(1);

type Waiting = JoinHandle<Result<Permit, AcquireError>>;

fn bulkhead(concurrency_max: usize, queue_length_max: usize) -> Bulkhead {
    Bulkhead::new(Options { concurrency_max, queue_length_max, ..Options::default() })
}

/// A wait of 10 ms is acceptable, and a burst of 100 ms.
fn with_bounded_wait() -> Bulkhead {
    let queue_wait = Some(codel::Options { target: 10 * MS, interval: 100 * MS });
    let (concurrency_max, queue_length_max) = (1, 1_000);
    Bulkhead::new(Options { concurrency_max, queue_length_max, queue_wait, ..Options::default() })
}

fn late() -> Deadline {
    Deadline::after(3_600_000 * MS)
}

fn caller(priority: Priority) -> Caller {
    Caller { client: None, priority }
}

async fn permit(bulkhead: &Bulkhead) -> Permit {
    bulkhead.acquire(None, late()).await.unwrap()
}

/// A call that has entered the queue.
async fn waiter(bulkhead: &Bulkhead, caller: Caller) -> Waiting {
    let before = bulkhead.queued();
    let waiting = tokio::spawn({
        let bulkhead = bulkhead.clone();
        async move { bulkhead.acquire(caller, late()).await }
    });
    while bulkhead.queued() == before {
        yield_now().await;
    }
    waiting
}

/// The result of a call that does not have to wait.
async fn refusal(bulkhead: &Bulkhead, priority: Priority) -> Option<AcquireError> {
    let begun = Instant::now();
    let refusal = bulkhead.acquire(caller(priority), late()).await.err();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    refusal
}

/// A callee with one permit, of whose calls each takes `taking`: calls that come every 5 ms, for the
/// time. Returns how long those that were served have waited, and how many were not.
async fn load(bulkhead: &Bulkhead, taking: Duration, calls: usize) -> (Vec<Duration>, usize) {
    let mut all = Vec::new();
    for _ in 0..calls {
        let bulkhead = bulkhead.clone();
        all.push(tokio::spawn(async move {
            let begun = Instant::now();
            let permit = bulkhead.acquire(None, late()).await.ok()?;
            let waited = begun.elapsed();
            sleep(taking).await;
            drop(permit);
            Some(waited)
        }));
        sleep(5 * MS).await;
    }
    let (mut waits, mut refused) = (Vec::new(), 0);
    for call in all {
        match call.await.unwrap() {
            Some(wait) => waits.push(wait),
            None => refused += 1,
        }
    }
    (waits, refused)
}

#[tokio::test(start_paused = true)]
async fn with_twice_the_load_the_callee_is_busy_and_no_call_waits_long() {
    let bulkhead = with_bounded_wait();
    let (waits, refused) = load(&bulkhead, 10 * MS, 1_000).await;
    assert!((495..=520).contains(&waits.len()), "it serves what it can: {}", waits.len());
    assert_eq!(waits.len() + refused, 1_000);
    let longest = waits.iter().skip(50).max().unwrap();
    assert!(*longest <= 20 * MS, "{longest:?}");
    let (waits, refused) = load(&bulkhead, 4 * MS, 100).await;
    assert_eq!((waits.len(), refused), (100, 0), "and it recovers at once");
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_calls_wait_as_long_as_the_queue_is() {
    let (waits, refused) = load(&bulkhead(1, 1_000), 10 * MS, 1_000).await;
    assert_eq!(refused, 0);
    assert!(*waits.iter().max().unwrap() > 4_000 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_for_long_for_a_callee_that_hangs() {
    let bulkhead = with_bounded_wait();
    let _hangs = permit(&bulkhead).await;
    let begun = Instant::now();
    let error = bulkhead.acquire(None, late()).await.err();
    assert_eq!(error, Some(AcquireError::WaitedTooLong));
    assert_eq!(begun.elapsed(), 120 * MS, "a burst, and twice the wait that is acceptable");
}

#[tokio::test(start_paused = true)]
async fn background_calls_are_refused_before_others_when_many_wait() {
    let bulkhead = bulkhead(1, 4);
    let running = permit(&bulkhead).await;
    let mut background = vec![waiter(&bulkhead, caller(Priority::Background)).await];
    background.push(waiter(&bulkhead, caller(Priority::Background)).await);
    let refused = refusal(&bulkhead, Priority::Background).await;
    assert_eq!(refused, Some(AcquireError::Shed), "half of the queue is for others");
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(waiter(&bulkhead, caller(Priority::Interactive)).await);
    }
    // The queue is full: each further one takes the place of one of the background.
    for _ in 0..2 {
        let bulkhead = bulkhead.clone();
        others.push(tokio::spawn(async move { bulkhead.acquire(None, late()).await }));
    }
    for shed in background {
        assert_eq!(shed.await.unwrap().err(), Some(AcquireError::Shed));
    }
    assert_eq!(refusal(&bulkhead, Priority::Interactive).await, Some(AcquireError::QueueFull));
    drop(running);
    for served in others {
        drop(served.await.unwrap().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn background_calls_wait_for_others_and_are_served_all_the_same() {
    let bulkhead = bulkhead(1, 100);
    let running = permit(&bulkhead).await;
    let background = waiter(&bulkhead, caller(Priority::Background)).await;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(waiter(&bulkhead, caller(Priority::Interactive)).await);
    }
    drop(running);
    for other in others.drain(..8) {
        assert!(!background.is_finished());
        drop(other.await.unwrap().unwrap());
    }
    drop(background.await.unwrap().unwrap());
    assert!(others.iter().all(|other| !other.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn background_calls_are_refused_while_the_queue_does_not_drain() {
    let bulkhead = with_bounded_wait();
    let mut waiting = Vec::new();
    let mut running = permit(&bulkhead).await;
    for _ in 0..20 {
        waiting.push(waiter(&bulkhead, Caller::default()).await);
    }
    for next in waiting.drain(..7) {
        advance(15 * MS).await;
        drop(running);
        running = next.await.unwrap().unwrap();
    }
    let fresh = waiter(&bulkhead, Caller::default()).await;
    advance(15 * MS).await;
    drop(running);
    let _running = fresh.await.unwrap().unwrap();
    for late in waiting {
        assert_eq!(late.await.unwrap().err(), Some(AcquireError::WaitedTooLong));
    }
    assert_eq!(refusal(&bulkhead, Priority::Background).await, Some(AcquireError::Shed));
}

#[tokio::test(start_paused = true)]
async fn health_checks_do_not_wait_and_can_not_be_used_to_get_ahead() {
    let bulkhead = bulkhead(2, 100);
    let _running = (permit(&bulkhead).await, permit(&bulkhead).await);
    let _other = waiter(&bulkhead, Caller::default()).await;
    let mut checks = Vec::new();
    for _ in 0..4 {
        checks.push(bulkhead.acquire(caller(Priority::Health), late()).await.unwrap());
    }
    assert_eq!((bulkhead.running(), bulkhead.queued()), (6, 1));
    let client = Some(IpAddr::from([127, 0, 0, 1]));
    let further = waiter(&bulkhead, Caller { client, priority: Priority::Health }).await;
    drop(checks);
    assert!(!further.is_finished(), "the permits of health checks are not for those that wait");
    assert_eq!((bulkhead.running(), bulkhead.queued()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_are_served_under_a_flood_of_health_checks() {
    let bulkhead = bulkhead(2, 100);
    let mut running = vec![permit(&bulkhead).await, permit(&bulkhead).await];
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(waiter(&bulkhead, Caller::default()).await);
    }
    let mut checks = Vec::new();
    for _ in 0..4 {
        checks.push(bulkhead.acquire(caller(Priority::Health), late()).await.unwrap());
    }
    let mut further = Vec::new();
    for next in waiting {
        further.push(waiter(&bulkhead, caller(Priority::Health)).await);
        drop(running.remove(0));
        running.push(next.await.unwrap().unwrap());
        assert_eq!(bulkhead.running(), 6);
    }
    drop(running);
    for check in further {
        drop(check.await.unwrap().unwrap());
    }
    assert_eq!((bulkhead.running(), bulkhead.queued()), (4, 0));
    drop(checks);
    assert_eq!(bulkhead.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_follows_latency_and_waiters_get_what_it_gains() {
    let options = Options {
        concurrency_max: 10,
        concurrency_min: Some(2),
        queue_length_max: 100,
        ..Options::default()
    };
    let bulkhead = Bulkhead::new(options);
    for _ in 0..100 {
        permit(&bulkhead).await.sample().unwrap().overloaded();
    }
    assert_eq!(bulkhead.limit(), 2);
    let first = permit(&bulkhead).await;
    let second = permit(&bulkhead).await;
    let third = waiter(&bulkhead, Caller::default()).await;
    for _ in 0..10 {
        second.sample().unwrap().answered();
    }
    assert!(bulkhead.limit() > 3, "{}", bulkhead.limit());
    drop((first, second, third.await.unwrap().unwrap()));
    assert_eq!(bulkhead.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_does_not_follow_latency_takes_no_samples() {
    assert!(permit(&bulkhead(1, 1)).await.sample().is_none());
}
