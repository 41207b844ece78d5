//! The guarantees of this broker beyond the contract.

use super::subscribers::{Answer, Subscribers};
use super::{ManualClock, TestBroker, broker, clock, event, events, run, stepwise, subscription};
use crate::domain::progress::{DEAD_LETTERS_MAX, OPEN_EVENTS_MAX};
use crate::domain::segment::SEGMENT_EVENTS_MAX;
use crate::error::Error;
use crate::log::SEGMENTS_MAX;
use crate::ports::Subscriber;
use crate::routes::router;
use crate::service::retention::RETENTION_MS;
use crate::service::{Broker, LEASE_MS, WorkReport};
use chassis::testing::{Client, MemoryStore, ScriptedStore};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use tessera_events::{Event, Member, Outcome};

/// Longer than any pause between two attempts.
const PAUSE_MS: u64 = 400_000;

fn setup() -> (TestBroker, Subscribers, ManualClock) {
    let (subscribers, clock) = (Subscribers::default(), clock());
    (broker(MemoryStore::new(), &subscribers, &clock), subscribers, clock)
}

fn drain(broker: &TestBroker, clock: &ManualClock) {
    for _ in 0..100 {
        run(broker.work());
        clock.advance(PAUSE_MS);
    }
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Refused(tessera_events::Error::Full(_)))
}

fn dead_ids(broker: &TestBroker) -> Vec<String> {
    let letters = run(broker.dead_letters(None, 100)).unwrap();
    letters.into_iter().map(|letter| letter.id).collect()
}

#[test]
fn an_interrupted_publication_can_be_repeated() {
    let all = events("a", SEGMENT_EVENTS_MAX + 8);
    let mut steps = 0;
    loop {
        let (broker, subscribers, clock) = setup();
        let stepwise = super::broker(stepwise(&broker.store), &subscribers, &clock);
        let mut dying = Box::pin(stepwise.publish(&all));
        let mut context = Context::from_waker(Waker::noop());
        let done = (0..steps).any(|_| dying.as_mut().poll(&mut context).is_ready());
        drop(dying);
        // The relay publishes again, and then a new event.
        run(broker.publish(&all)).unwrap();
        run(broker.publish(&[event("a", all.len() as u64 + 1)])).unwrap();
        let log = run(broker.read(0, 500)).unwrap();
        let numbers: Vec<_> = log.iter().filter_map(|entry| entry.event.sequence()).collect();
        assert_eq!(numbers, (1..=all.len() as u64 + 1).collect::<Vec<_>>(), "after {steps} steps");
        if done {
            break;
        }
        steps += 1;
    }
    assert!(steps > all.len(), "each event was looked up");
}

#[test]
fn a_failed_event_counts_as_retrying() {
    let (broker, subscribers, _) = setup();
    subscribers.fix("a.1", Answer::Failed);
    run(broker.publish(&[event("a", 1), event("a", 2), event("b", 1)])).unwrap();
    run(broker.work());
    let standing = run(broker.subscriptions()).unwrap().remove(1);
    assert_eq!((standing.name.as_str(), standing.lag_events), ("one", 2));
    assert_eq!((standing.retrying_events, standing.dead_letters), (1, 0));
}

/// Publishes another event during each delivery and delivers due events, like any caller.
#[derive(Clone)]
struct Answering(Arc<OnceLock<Broker<MemoryStore, Answering, ManualClock>>>, Arc<AtomicUsize>);

impl Subscriber for Answering {
    async fn deliver(&self, _: &Member, _: &[Event]) -> Outcome {
        let number = self.1.fetch_add(1, SeqCst) as u64;
        let broker = self.0.get().unwrap();
        if number < 20 {
            broker.publish(&[event("answers", number + 1)]).await.unwrap();
        }
        assert_eq!(
            work(broker.clone()).await,
            WorkReport::default(),
            "no delivery within a delivery"
        );
        Outcome::Done
    }
}

fn work(
    broker: Broker<MemoryStore, Answering, ManualClock>,
) -> Pin<Box<dyn Future<Output = WorkReport> + Send>> {
    Box::pin(async move { broker.work().await })
}

#[test]
fn a_subscriber_may_publish_during_a_delivery() {
    let subscriber = Answering(Arc::default(), Arc::default());
    let all = vec![subscription("one")];
    let broker = Broker::new(MemoryStore::new(), subscriber.clone(), clock(), all);
    subscriber.0.set(broker.clone()).ok().unwrap();
    run(broker.publish(&[event("a", 1)])).unwrap();
    let report = run(broker.work());
    assert_eq!((report.delivered, report.troubled), (21, 0));
}

#[test]
fn a_failing_subscriber_only_stops_its_own_events() {
    let (broker, subscribers, clock) = setup();
    let other = |number: u64| {
        let mut event = event("other", number);
        event.kind = "com.shop.other.v1".to_owned();
        event
    };
    subscribers.set_down("one", true);
    let (mut taken, mut others) = (0_u64, 0_u64);
    let refused = loop {
        let events: Vec<Event> =
            (taken + 1..=taken + 64).map(|n| event(&n.to_string(), 1)).collect();
        match run(broker.publish(&events)) {
            Ok(()) => taken += 64,
            Err(error) => break error,
        }
        run(broker.work());
    };
    assert!(is_full(&refused) && refused.to_string().contains("`one`"), "{refused}");
    assert!(taken > 512, "publishing was refused after only {taken} events");
    // All other events are published and delivered, although none of these was processed.
    while others < 300 {
        let events: Vec<Event> = (others + 1..=others + 60).map(other).collect();
        assert_eq!(run(broker.publish(&events)), Ok(()), "after {others}");
        others += 60;
        run(broker.work());
    }
    assert_eq!(subscribers.applied("batch", "other"), (1..=others).collect::<Vec<_>>());
    // None of them keeps its segment in the ring.
    clock.advance(RETENTION_MS + 1);
    while run(broker.tidy()).unwrap() > 0 {}
    let left = run(broker.read(0, 500)).unwrap();
    assert!(left.len() as u64 <= SEGMENT_EVENTS_MAX, "{} events are left", left.len());
    // It recovers before its events become dead letters.
    subscribers.set_down("one", false);
    drain(&broker, &clock);
    for number in 1..=taken {
        assert_eq!(subscribers.applied("one", &number.to_string()), [1], "{number}");
    }
    assert_eq!(run(broker.publish(&[event("again", 1)])), Ok(()));
}

/// A worker in the middle of its first delivery.
fn deliver_in_part(
    broker: TestBroker<ScriptedStore>,
    subscribers: &Subscribers,
) -> Pin<Box<dyn Future<Output = WorkReport>>> {
    let mut worker: Pin<Box<dyn Future<Output = _>>> = Box::pin(async move { broker.work().await });
    while subscribers.state_is_idle() {
        assert!(worker.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    worker
}

#[test]
fn a_dead_worker_is_replaced_after_its_lease() {
    let (broker, subscribers, clock) = setup();
    run(broker.publish(&events("a", 1))).unwrap();
    let other = super::broker(stepwise(&broker.store), &subscribers, &clock);
    let dying = deliver_in_part(other, &subscribers);
    // Other workers skip the subscription.
    assert_eq!(run(broker.work()), WorkReport::default());
    drop(dying);
    clock.advance(LEASE_MS - 1);
    assert_eq!(run(broker.work()).delivered, 0);
    clock.advance(1);
    run(broker.work());
    assert_eq!(subscribers.applied("one", "a"), [1]);
    assert_eq!(subscribers.applied("batch", "a"), [1]);
}

#[test]
fn a_lease_ends_with_the_run_of_the_host() {
    for (before, after, delivered) in
        [(Some(1), Some(2), 2), (Some(1), Some(1), 0), (None, Some(2), 0), (Some(1), None, 0)]
    {
        let (broker, subscribers, clock) = setup();
        run(broker.publish(&events("a", 1))).unwrap();
        let other = super::broker(stepwise(&broker.store), &subscribers, &clock);
        drop(deliver_in_part(other.with_incarnation(before), &subscribers));
        let report = run(broker.with_incarnation(after).work());
        assert_eq!(report.delivered, delivered, "{before:?} {after:?}");
    }
}

#[test]
fn a_worker_that_lost_its_lease_records_nothing() {
    let (broker, subscribers, clock) = setup();
    run(broker.publish(&events("a", 1))).unwrap();
    subscribers.plan([Answer::Rejected, Answer::Rejected]);
    let other = super::broker(stepwise(&broker.store), &subscribers, &clock);
    let slow = deliver_in_part(other, &subscribers);
    // It pauses until another worker takes over. In production, the delivery has a timeout before.
    clock.advance(LEASE_MS);
    let others = Subscribers::default();
    run(super::broker(broker.store.clone(), &others, &clock).work());
    let report = run(slow);
    assert!(report.troubled > 0, "{report:?}");
    assert_eq!(dead_ids(&broker), Vec::<String>::new());
}

#[test]
fn the_queues_of_a_subscription_are_bounded() {
    let (broker, subscribers, clock) = setup();
    subscribers.fix("a.1", Answer::Failed);
    let many = OPEN_EVENTS_MAX as u64 + 100;
    for portion in events("a", many).chunks(100) {
        run(broker.publish(portion)).unwrap();
    }
    for _ in 0..2 {
        run(broker.work());
    }
    let progress = run(broker.load(&broker.subscriptions[1])).unwrap();
    assert_eq!(progress.waiting(), OPEN_EVENTS_MAX);
    assert_eq!(run(broker.subscriptions()).unwrap()[1].lag_events, many, "all of it is known");
    subscribers.fix("a.1", Answer::Done);
    drain(&broker, &clock);
    assert_eq!(subscribers.applied("one", "a"), (1..=many).collect::<Vec<_>>());
}

#[test]
fn old_events_are_removed_after_all_have_queued_them_and_dead_letters_stay() {
    let (broker, subscribers, clock) = setup();
    subscribers.fix("a.2", Answer::Rejected);
    run(broker.publish(&events("a", SEGMENT_EVENTS_MAX + 1))).unwrap();
    assert_eq!(run(broker.tidy()), Ok(0), "they are recent");
    clock.advance(RETENTION_MS + 1);
    assert_eq!(run(broker.tidy()), Ok(0), "no subscription has queued them");
    drain(&broker, &clock);
    assert_eq!(run(broker.tidy()), Ok(1));
    assert_eq!(run(broker.tidy()), Ok(0), "the open segment stays");
    let left = run(broker.read(0, 500)).unwrap();
    assert_eq!(left.len(), 1);
    assert!(broker.store.keys().iter().all(|key| !key.starts_with("seen/")));

    let ids = dead_ids(&broker);
    assert_eq!(ids.len(), 2, "their events were copied");
    subscribers.fix("a.2", Answer::Failed);
    run(broker.replay(ids.iter().find(|id| id.ends_with("-one")).unwrap())).unwrap();
    let standing = run(broker.subscriptions()).unwrap().remove(1);
    assert_eq!(standing.lag_events, SEGMENT_EVENTS_MAX, "it and what has waited for it");
    assert!(standing.lag_ms > RETENTION_MS, "its copy is as old as it: {}", standing.lag_ms);
    drain(&broker, &clock);
    assert_eq!(subscribers.refused("one", "a.2"), 1 + 3);
    assert_eq!(dead_ids(&broker).len(), 2, "it died again");
}

#[test]
fn a_full_log_refuses_publications_until_it_has_space() {
    let (broker, subscribers, clock) = setup();
    let numbers = SEGMENTS_MAX * SEGMENT_EVENTS_MAX;
    let all = events("a", numbers + 1);
    for portion in all[..all.len() - 1].chunks(96) {
        run(broker.publish(portion)).unwrap();
    }
    let next = &all[all.len() - 1..];
    assert!(is_full(&run(broker.publish(next)).unwrap_err()));
    assert_eq!(run(broker.tidy()), Ok(0), "no subscription has queued them");
    // An operator makes the subscriptions skip old events.
    for subscription in broker.subscriptions.iter() {
        let key = crate::service::progress_key(&subscription.name);
        let skip = |progress: Option<crate::domain::progress::Progress>| {
            let cursor = numbers - 10;
            Ok::<_, chassis::store::StoreError>((
                crate::domain::progress::Progress { cursor, ..progress.unwrap_or_default() },
                (),
            ))
        };
        use chassis::store::Store;
        run(broker.store.update(&key, skip)).unwrap();
    }
    assert!(run(broker.tidy()).unwrap() > 0);
    assert_eq!(run(broker.publish(next)), Ok(()));
    assert_eq!(run(broker.publish(next)), Ok(()), "the log has it");
    drain(&broker, &clock);
    assert_eq!(subscribers.applied("one", "a").last(), Some(&(numbers + 1)));
}

#[test]
fn dead_letters_are_bounded() {
    let (broker, subscribers, clock) = setup();
    let many = DEAD_LETTERS_MAX as u64 + 5;
    for number in 1..=many {
        subscribers.fix(&format!("{number}.1"), Answer::Rejected);
        run(broker.publish(&[event(&number.to_string(), 1)])).unwrap();
    }
    drain(&broker, &clock);
    let load = || run(broker.load(&broker.subscriptions[1])).unwrap();
    let progress = load();
    assert_eq!((progress.dead.len(), progress.waiting()), (DEAD_LETTERS_MAX, 5));
    let id = dead_ids(&broker).into_iter().find(|id| id.ends_with("-one")).unwrap();
    run(broker.discard(&id)).unwrap();
    drain(&broker, &clock);
    let progress = load();
    assert_eq!((progress.dead.len(), progress.waiting()), (DEAD_LETTERS_MAX, 4), "one more fits");
}

#[tokio::test]
async fn a_sweep_returns_counts() {
    let (broker, ..) = setup();
    broker.publish(&events("a", 1)).await.unwrap();
    let counts = Client::new(router(broker)).text("POST", "/sweep", "").await.expect(200);
    assert_eq!(counts["delivered"], 2);
    assert_eq!(counts["removed_segments"], 0);
}
