//! Requests and sweeps as coroutines that stop before each operation of the store and of the
//! log. The test polls them in any order and drops them anywhere, which is a crash between any two
//! operations.

use super::*;
use crate::events::PublishError;
use crate::testing::{run, yield_once};
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

/// A store that stops before each operation.
fn stepwise(store: &MemoryStore) -> ScriptedStore {
    ScriptedStore::new(store.clone()).before(|_, _| async {
        yield_once().await;
        Ok(())
    })
}

/// A log that stops before and after each operation.
#[derive(Clone)]
struct Stepwise(MemoryProducer);

impl Producer for Stepwise {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        yield_once().await;
        let result = self.0.publish(events).await;
        yield_once().await;
        result
    }
}

type Coroutine = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Copy, Debug)]
enum Task {
    Change { key: usize, subject: usize, events: usize },
    Refused { key: usize },
    Sweep,
}

const KEYS: [&str; 2] = ["k0", "k1"];
const SUBJECTS: [[&str; 2]; 2] = [["a", "b"], ["c", "d"]];

fn coroutine(store: &MemoryStore, log: &MemoryProducer, task: Task) -> Coroutine {
    let relay = Relay::new(stepwise(store), Stepwise(log.clone()));
    Box::pin(async move {
        let _: Result<(), StoreError> = match task {
            Task::Change { key, subject, events } => {
                change(&relay, KEYS[key], &vec![SUBJECTS[key][subject]; events]).await
            }
            // Wants to push and then finds that it may not: only after others changed it.
            Task::Refused { key } => {
                let mut tried = false;
                let once = |shelf: Option<Shelf>| {
                    let mut shelf = shelf.unwrap_or_default();
                    if std::mem::replace(&mut tried, true) {
                        return Err(StoreError::Contended("no".to_owned()));
                    }
                    shelf.changes += 1;
                    let pushed = shelf.outbox.push(draft(SUBJECTS[key][0]));
                    pushed.map_err(|e| StoreError::Unavailable(e.0))?;
                    Ok((shelf, ()))
                };
                relay.change(KEYS[key], once).await
            }
            Task::Sweep => relay.sweep::<Shelf>(now_ms(), 3).await.map(drop),
        };
    })
}

/// No key may have an event that no mark leads to, at any instant.
fn no_mark_is_lost(store: &MemoryStore) -> Result<(), TestCaseError> {
    let marked: Vec<String> = run(marks(store)).into_values().map(|entry| entry.key).collect();
    for key in KEYS {
        let is_empty = run(shelf(store, key)).outbox.is_empty();
        prop_assert!(is_empty || marked.iter().any(|other| other == key), "{} is lost", key);
    }
    Ok(())
}

fn any_task() -> impl Strategy<Value = Task> {
    prop_oneof![
        4 => (0..2usize, 0..2usize, 1..3usize)
            .prop_map(|(key, subject, events)| Task::Change { key, subject, events }),
        1 => (0..2usize).prop_map(|key| Task::Refused { key }),
        2 => Just(Task::Sweep),
    ]
}

fn any_behavior() -> impl Strategy<Value = Behavior> {
    prop_oneof![
        3 => Just(Behavior::Accept),
        1 => Just(Behavior::Refuse),
        1 => (0..3usize).prop_map(Behavior::AcceptAndFail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn many_relays_and_crashes_lose_nothing_and_repeat_nothing(
        tasks in proptest::collection::vec(any_task(), 1..8),
        // Whom to poll next, and whether it dies instead.
        schedule in proptest::collection::vec((any::<prop::sample::Index>(), 0..30u8), 0..200),
        behaviors in proptest::collection::vec(any_behavior(), 0..10),
    ) {
        let (store, log) = (MemoryStore::new(), MemoryProducer::new());
        log.plan(behaviors);
        let mut running: Vec<Coroutine> =
            tasks.iter().map(|task| coroutine(&store, &log, *task)).collect();
        for (index, fate) in schedule {
            if running.is_empty() {
                break;
            }
            let turn = index.index(running.len());
            let mut context = Context::from_waker(Waker::noop());
            if fate == 0 || running[turn].as_mut().poll(&mut context).is_ready() {
                drop(running.swap_remove(turn));
            }
            no_mark_is_lost(&store)?;
        }
        drop(running);
        // What is planned for the log is over at some time.
        let relay = Relay::new(store.clone(), log.clone());
        for _ in 0..20 {
            run(relay.sweep::<Shelf>(later(), 100)).unwrap();
        }
        run(assert_settled(&store, &log, &KEYS));
    }
}
