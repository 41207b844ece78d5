//! Replays during the removal of a segment, and missing events.

use super::subscribers::{Answer, Subscribers};
use super::{ManualClock, TestBroker, broker, clock, event, events, run, stepwise};
use crate::domain::segment::{SEGMENT_EVENTS_MAX, Segment};
use crate::log::{seen_key, segment_key};
use crate::service::retention::RETENTION_MS;
use chassis::store::{Store, StoreError};
use chassis::testing::MemoryStore;
use std::future::Future;
use std::task::{Context, Waker};

/// A broker with a removable first segment, and with this response to the second event.
fn old(answer: Answer) -> (TestBroker, Subscribers, ManualClock) {
    let (subscribers, clock) = (Subscribers::default(), clock());
    let broker = broker(MemoryStore::new(), &subscribers, &clock);
    subscribers.fix("a.2", answer);
    run(broker.publish(&events("a", SEGMENT_EVENTS_MAX + 1))).unwrap();
    for _ in 0..4 {
        run(broker.work());
    }
    subscribers.fix("a.2", Answer::Done);
    clock.advance(RETENTION_MS + 1);
    (broker, subscribers, clock)
}

/// Removes segments, with `interrupt` after a number of steps. Returns whether it had ended before.
fn tidy_with(
    (broker, subscribers, clock): &(TestBroker, Subscribers, ManualClock),
    steps: usize,
    interrupt: impl FnOnce(),
) -> bool {
    let stepwise = super::broker(stepwise(&broker.store), subscribers, clock);
    let mut tidy = Box::pin(stepwise.tidy());
    let mut context = Context::from_waker(Waker::noop());
    let ended = (0..steps).any(|_| tidy.as_mut().poll(&mut context).is_ready());
    interrupt();
    if !ended {
        run(tidy).unwrap();
    }
    ended
}

/// Removes the first event from the store.
fn lose_the_first(broker: &TestBroker) {
    let lose = |segment: Option<Segment>| {
        let mut segment = segment.unwrap();
        segment.entries.remove(0);
        Ok::<_, StoreError>((segment, ()))
    };
    run(broker.store.update(&segment_key(0), lose)).unwrap();
}

#[test]
fn a_dead_letter_may_be_replayed_at_any_step_of_the_removal() {
    for steps in 0.. {
        let world = old(Answer::Rejected);
        let (broker, subscribers, _) = &world;
        let letters = run(broker.dead_letters(None, 100)).unwrap();
        let ids: Vec<String> = letters.into_iter().map(|letter| letter.id).collect();
        assert_eq!(ids.len(), 2);
        let ended = tidy_with(&world, steps, || {
            ids.iter().for_each(|id| run(broker.replay(id)).unwrap());
        });
        for _ in 0..4 {
            run(broker.work());
        }
        for component in ["one", "batch"] {
            let applied = subscribers.applied(component, "a");
            let all: Vec<u64> = (1..=SEGMENT_EVENTS_MAX + 1).collect();
            assert_eq!(applied, all, "{component}, after {steps} steps");
        }
        let copies = broker.store.keys().into_iter().filter(|key| key.starts_with("dead/"));
        assert_eq!(copies.collect::<Vec<_>>(), [""; 0], "after {steps} steps");
        if ended {
            assert!(steps > SEGMENT_EVENTS_MAX as usize, "each event was forgotten");
            break;
        }
    }
}

#[test]
fn a_replay_before_the_removal_keeps_its_segment() {
    let mut lost = 0;
    for steps in 0.. {
        let world = old(Answer::Done);
        let (broker, subscribers, _) = &world;
        let before = subscribers.applied("one", "a").len();
        let mut asked = 0;
        tidy_with(&world, steps, || {
            // Nothing is removed yet.
            if run(broker.store.get(&seen_key(&event("a", 1)))).unwrap().is_some() {
                asked = run(broker.replay_range("one", 0, u64::MAX)).unwrap();
            }
        });
        if asked == 0 {
            break;
        }
        assert_eq!(asked, SEGMENT_EVENTS_MAX + 1);
        for _ in 0..8 {
            run(broker.work());
        }
        let again = subscribers.applied("one", "a").len() - before;
        lost += usize::from(again < asked as usize);
    }
    // It is between the last check and the first removed key.
    assert!(lost <= 1, "{lost} moments");
}

#[test]
fn a_missing_event_does_not_affect_others() {
    let (subscribers, clock) = (Subscribers::default(), clock());
    let broker = broker(MemoryStore::new(), &subscribers, &clock);
    subscribers.fix("a.1", Answer::Failed);
    run(broker.publish(&events("a", 3))).unwrap();
    run(broker.work());
    lose_the_first(&broker);
    // Without attempts, so that all three are delivered together.
    let reset = |progress: Option<crate::domain::progress::Progress>| {
        let mut progress = progress.unwrap();
        progress.open.values_mut().for_each(|queue| (queue.attempts, queue.due_at_ms) = (0, 0));
        Ok::<_, StoreError>((progress, ()))
    };
    run(broker.store.update(&crate::service::progress_key("batch"), reset)).unwrap();
    for _ in 0..4 {
        run(broker.work());
    }
    assert_eq!(subscribers.applied("batch", "a"), [2, 3]);
}

#[test]
fn a_page_of_dead_letters_skips_missing_events() {
    let (subscribers, clock) = (Subscribers::default(), clock());
    let broker = broker(MemoryStore::new(), &subscribers, &clock);
    for id in ["a.1", "b.1"] {
        subscribers.fix(id, Answer::Rejected);
    }
    run(broker.publish(&[event("a", 1), event("b", 1)])).unwrap();
    for _ in 0..4 {
        run(broker.work());
    }
    lose_the_first(&broker);
    let page = run(broker.dead_letters(None, 1)).unwrap();
    assert_eq!(page.iter().map(|one| one.entry.event.id.as_str()).collect::<Vec<_>>(), ["b.1"]);
}
