use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tessera_resilience::{
    Bulkhead, Deadline,
    bulkhead::{AcquireError, Options, Permit},
};
use tokio::{
    sync::{Barrier, mpsc},
    task::{JoinHandle, JoinSet, yield_now},
    time::{Instant, advance},
};

const SECOND: Duration = Duration::from_secs(1);

fn bulkhead(concurrency_max: usize, queue_length_max: usize) -> Bulkhead {
    Bulkhead::new(Options { concurrency_max, queue_length_max, ..Options::default() })
}

fn soon() -> Deadline {
    Deadline::after(SECOND)
}

/// A waiter that has entered the queue.
async fn waiter(
    bulkhead: &Bulkhead,
    deadline: Deadline,
) -> JoinHandle<Result<Permit, AcquireError>> {
    waiter_of(None, bulkhead, deadline).await
}

/// The same for a client.
async fn waiter_of(
    client: Option<IpAddr>,
    bulkhead: &Bulkhead,
    deadline: Deadline,
) -> JoinHandle<Result<Permit, AcquireError>> {
    let before = bulkhead.queued();
    let waiting = tokio::spawn({
        let bulkhead = bulkhead.clone();
        async move { bulkhead.acquire(client, deadline).await }
    });
    while bulkhead.queued() == before {
        yield_now().await;
    }
    waiting
}

fn figures(bulkhead: &Bulkhead) -> (usize, usize) {
    (bulkhead.running(), bulkhead.queued())
}

#[tokio::test(start_paused = true)]
async fn permits_then_queue_then_refusal() {
    let bulkhead = bulkhead(2, 1);
    let first = bulkhead.acquire(None, soon()).await.unwrap();
    let _second = bulkhead.acquire(None, soon()).await.unwrap();
    let third = waiter(&bulkhead, soon()).await;
    assert_eq!(figures(&bulkhead), (2, 1));
    let start = Instant::now();
    assert_eq!(bulkhead.acquire(None, soon()).await.err(), Some(AcquireError::QueueFull));
    assert_eq!(start.elapsed(), Duration::ZERO, "a refusal is immediate");

    drop(first);
    let _third = third.await.unwrap().unwrap();
    assert_eq!(figures(&bulkhead), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_no_call_waits() {
    let bulkhead = bulkhead(1, 0);
    let permit = bulkhead.acquire(None, soon()).await.unwrap();
    assert_eq!(bulkhead.acquire(None, soon()).await.err(), Some(AcquireError::QueueFull));
    drop(permit);
    drop(bulkhead.acquire(None, soon()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_client_with_many_calls_delays_another_by_one_call() {
    let (greedy, modest) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([127, 0, 0, 2])));
    let bulkhead = bulkhead(1, 10);
    let running = bulkhead.acquire(greedy, soon()).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..9 {
        waiting.push(waiter_of(greedy, &bulkhead, soon()).await);
    }
    let other = waiter_of(modest, &bulkhead, soon()).await;
    drop(running);
    let first = waiting.remove(0).await.unwrap().unwrap();
    assert!(!other.is_finished());
    drop(first);
    drop(other.await.unwrap().unwrap());
    for waiter in waiting {
        drop(waiter.await.unwrap().unwrap());
    }
    assert_eq!(figures(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_the_client_that_fills_it() {
    let (greedy, modest) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([127, 0, 0, 2])));
    let bulkhead = bulkhead(1, 3);
    let running = bulkhead.acquire(greedy, soon()).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(waiter_of(greedy, &bulkhead, soon()).await);
    }
    assert_eq!(bulkhead.acquire(greedy, soon()).await.err(), Some(AcquireError::QueueFull));
    let other = tokio::spawn({
        let bulkhead = bulkhead.clone();
        async move { bulkhead.acquire(modest, soon()).await }
    });
    assert_eq!(waiting.pop().unwrap().await.unwrap().err(), Some(AcquireError::QueueFull));
    assert_eq!(figures(&bulkhead), (1, 3));
    drop(running);
    waiting.insert(1, other);
    for waiter in waiting {
        drop(waiter.await.unwrap().unwrap());
    }
    assert_eq!(figures(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn no_permits_count_as_one() {
    let bulkhead = bulkhead(0, 0);
    let _permit = bulkhead.acquire(None, soon()).await.unwrap();
    assert_eq!(bulkhead.options().concurrency_max, 1);
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served() {
    let bulkhead = bulkhead(1, 10);
    let permit = bulkhead.acquire(None, soon()).await.unwrap();
    let (served, mut order) = mpsc::unbounded_channel();
    for n in 0..10 {
        let before = bulkhead.queued();
        let (bulkhead_of_waiter, served) = (bulkhead.clone(), served.clone());
        tokio::spawn(async move {
            let _permit = bulkhead_of_waiter.acquire(None, soon()).await.unwrap();
            served.send(n).unwrap();
        });
        while bulkhead.queued() == before {
            yield_now().await;
        }
    }
    drop((permit, served));
    for n in 0..10 {
        assert_eq!(order.recv().await, Some(n));
    }
    assert_eq!(order.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_times_out_leaves_the_queue() {
    let bulkhead = bulkhead(1, 2);
    let permit = bulkhead.acquire(None, soon()).await.unwrap();
    let impatient = waiter(&bulkhead, Deadline::after(SECOND / 10)).await;
    let patient = waiter(&bulkhead, soon()).await;
    assert_eq!(bulkhead.acquire(None, soon()).await.err(), Some(AcquireError::QueueFull));

    let start = Instant::now();
    assert_eq!(impatient.await.unwrap().err(), Some(AcquireError::WaitedTooLong));
    assert_eq!(start.elapsed(), SECOND / 10);
    assert_eq!(figures(&bulkhead), (1, 1));
    drop(permit);
    drop(patient.await.unwrap().unwrap());
    assert_eq!(figures(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_not_granted_after_the_deadline() {
    let bulkhead = bulkhead(1, 2);
    let permit = bulkhead.acquire(None, Deadline::after(60 * SECOND)).await.unwrap();
    let late = waiter(&bulkhead, Deadline::after(SECOND)).await;
    let patient = waiter(&bulkhead, Deadline::after(60 * SECOND)).await;
    // The permit is released and the deadline passes before the waiter is polled.
    drop(permit);
    advance(2 * SECOND).await;
    assert_eq!(late.await.unwrap().err(), Some(AcquireError::WaitedTooLong));
    drop(patient.await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_takes_no_permit() {
    let bulkhead = bulkhead(1, 1);
    let late = bulkhead.acquire(None, Deadline::after(Duration::ZERO)).await;
    assert_eq!(late.err(), Some(AcquireError::DeadlineExceeded));
    assert_eq!(figures(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn canceled_waiters_leak_no_permits() {
    let bulkhead = bulkhead(1, 100);
    let permit = bulkhead.acquire(None, soon()).await.unwrap();
    for _ in 0..100 {
        let waiting = waiter(&bulkhead, soon()).await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    }
    assert_eq!(figures(&bulkhead), (1, 0));
    // Canceled after the permit was granted and before it was received.
    let granted = waiter(&bulkhead, soon()).await;
    drop(permit);
    granted.abort();
    drop(granted.await);
    assert_eq!(figures(&bulkhead), (0, 0));
    drop(bulkhead.acquire(None, soon()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_panic_releases_the_permit() {
    let bulkhead = bulkhead(1, 0);
    for _ in 0..3 {
        let permit = bulkhead.acquire(None, soon()).await.unwrap();
        let call = tokio::spawn(async move {
            let _permit = permit;
            panic!("the guest trapped");
        });
        assert!(call.await.unwrap_err().is_panic());
    }
    assert_eq!(figures(&bulkhead), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_never_exceed_the_permits_and_lose_none() {
    const CALLS: usize = 2_000;
    let bulkhead = bulkhead(5, CALLS);
    let (inside, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let start = Arc::new(Barrier::new(CALLS));
    let mut calls = JoinSet::new();
    for n in 0..CALLS {
        let (bulkhead, inside, peak) = (bulkhead.clone(), Arc::clone(&inside), Arc::clone(&peak));
        let start = Arc::clone(&start);
        calls.spawn(async move {
            start.wait().await;
            // One in five times out while it waits.
            let timeout = if n % 5 == 0 { Duration::from_micros(200) } else { 60 * SECOND };
            let Ok(_permit) = bulkhead.acquire(None, Deadline::after(timeout)).await else {
                return false;
            };
            let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
            peak.fetch_max(now, Ordering::SeqCst);
            yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            true
        });
    }
    let done = calls.join_all().await.into_iter().filter(|done| *done).count();
    assert!(done >= CALLS * 4 / 5, "only {done} calls got through");
    assert_eq!(peak.load(Ordering::SeqCst), 5, "all permits were in use, and no more");
    assert_eq!(figures(&bulkhead), (0, 0));
}
