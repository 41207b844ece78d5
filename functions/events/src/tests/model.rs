//! Publishers, workers and sweeps in any order. Each may die between any two operations, alone or
//! with the whole process.

use super::subscribers::{Answer, Subscribers};
use super::{ManualClock, TestBroker, broker, clock, events, run, stepwise};
use crate::service::LEASE_MS;
use chassis::testing::MemoryStore;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use tessera_events::{Entry, Event};

/// Longer than any pause between two attempts.
const PAUSE_MS: u64 = 400_000;

const SUBJECTS: [&str; 3] = ["a", "b", "c"];

type Coroutine = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Copy, Debug)]
enum Task {
    /// Publishes the first events of a subject, some of them possibly again.
    Publish {
        subject: usize,
        count: u64,
    },
    Work,
    Tidy,
}

struct World {
    store: MemoryStore,
    clock: ManualClock,
    subscribers: Subscribers,
}

impl World {
    fn broker(&self) -> TestBroker {
        broker(self.store.clone(), &self.subscribers, &self.clock)
    }

    fn start(&self, task: Task) -> Coroutine {
        let broker = broker(stepwise(&self.store), &self.subscribers, &self.clock);
        Box::pin(async move {
            match task {
                Task::Publish { subject, count } => {
                    for portion in events(SUBJECTS[subject], count).chunks(7) {
                        broker.publish(portion).await.unwrap();
                    }
                    broker.work().await;
                }
                Task::Work => drop(broker.work().await),
                Task::Tidy => drop(broker.tidy().await),
            }
        })
    }

    /// Sweeps until all pending events wait for dead letters.
    fn drain(&self) {
        for _ in 0..200 {
            self.clock.advance(PAUSE_MS);
            run(self.broker().work());
            let standings = run(self.broker().subscriptions()).unwrap();
            if standings.iter().all(|one| one.lag_events == one.held_events) {
                return;
            }
        }
        panic!("{:?}", run(self.broker().subscriptions()));
    }

    fn log(&self) -> Vec<Entry> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let entries = run(self.broker().read(after, 500)).unwrap();
            let Some(last) = entries.last() else { return all };
            after = last.position;
            all.extend(entries);
        }
    }

    /// The log has the events of each subject in order and once.
    fn assert_log(&self, published: &BTreeMap<usize, u64>) {
        let log = self.log();
        assert!(log.windows(2).all(|two| two[0].position < two[1].position));
        assert!(log.windows(2).all(|two| two[0].recorded_at_ms <= two[1].recorded_at_ms));
        for (subject, name) in SUBJECTS.iter().enumerate() {
            let of_it = log.iter().filter(|entry| entry.event.partition_key() == *name);
            let numbers: Vec<u64> = of_it.filter_map(|entry| entry.event.sequence()).collect();
            let least = published.get(&subject).copied().unwrap_or(0);
            assert!(numbers.len() as u64 >= least, "{name}: {numbers:?} has not {least}");
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{name}");
        }
    }

    /// Each event was processed by all subscribers, is a dead letter for a reason, or waits for a dead
    /// letter.
    fn assert_delivered(&self) {
        assert!(self.subscribers.state_is_idle());
        let letters = run(self.broker().dead_letters(None, 100)).unwrap();
        for component in ["one", "batch"] {
            for Entry { event: Event { id, .. }, position, .. } in self.log() {
                let (subject, number) = id.split_once('.').unwrap();
                let applied = self.subscribers.applied(component, subject);
                let is_applied = applied.contains(&number.parse().unwrap());
                let dead = letters
                    .iter()
                    .find(|one| one.entry.position == position && one.subscription == component);
                let waits = letters.iter().any(|one| {
                    one.subscription == component
                        && one.entry.event.partition_key() == subject
                        && one.entry.position < position
                });
                assert!(is_applied || dead.is_some() || waits, "{component} never had {id}");
                if let Some(dead) = dead {
                    let refused = self.subscribers.refused(component, &id);
                    assert!(refused >= dead.attempts.min(1), "{id} died unasked");
                    assert!(dead.first_seen_at_ms <= dead.died_at_ms);
                }
            }
        }
    }
}

fn any_task() -> impl Strategy<Value = Task> {
    prop_oneof![
        3 => (0..3usize, 1..45u64).prop_map(|(subject, count)| Task::Publish { subject, count }),
        2 => Just(Task::Work),
        1 => Just(Task::Tidy),
    ]
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Done),
        2 => Just(Answer::Lost),
        2 => Just(Answer::Failed),
        1 => Just(Answer::Rejected),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_event_is_lost_reordered_or_duplicated(
        tasks in proptest::collection::vec(any_task(), 1..7),
        schedule in proptest::collection::vec((any::<prop::sample::Index>(), 0..120u8), 0..500),
        answers in proptest::collection::vec(any_answer(), 0..60),
    ) {
        let world = World {
            store: MemoryStore::new(),
            clock: clock(),
            subscribers: Subscribers::default(),
        };
        world.subscribers.plan(answers);
        let mut running: Vec<(Task, Coroutine)> =
            tasks.iter().map(|task| (*task, world.start(*task))).collect();
        let mut published = BTreeMap::new();
        for (index, fate) in schedule {
            if running.is_empty() {
                break;
            }
            world.clock.advance(u64::from(fate % 3));
            let turn = index.index(running.len());
            if fate == 0 {
                drop(running.swap_remove(turn));
            } else if fate == 1 {
                // The process dies and restarts. Publishers try again.
                running.clear();
                world.clock.advance(LEASE_MS);
                running.extend(tasks.iter().map(|task| (*task, world.start(*task))));
            } else if running[turn].1.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
            {
                let (task, _) = running.swap_remove(turn);
                if let Task::Publish { subject, count } = task {
                    let most = published.entry(subject).or_insert(0);
                    *most = count.max(*most);
                }
            }
        }
        drop(running);
        world.drain();
        world.assert_log(&published);
        world.assert_delivered();
    }
}
