//! Random publications, outcomes and crashes against a model of the rules.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use proptest::prelude::*;
use tessera_events::{
    Delivery, Event, Log, Mode, Outcome, Reason, Subscription, embedded::Embedded,
};

use crate::harness::{Folder, PATIENCE, Subscribers, event, member, quick, settled, subscription};

const ATTEMPTS_MAX: u32 = 4;

/// How a subscriber responds to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    /// Fails twice.
    Flaky,
    Refused,
    Hopeless,
}

#[derive(Clone, Debug)]
enum Step {
    /// Events by key and number, repetitions included.
    Publish(Vec<(u8, u64)>),
    /// Waits until a subscription is settled.
    Settle(usize),
    /// The log and its delivery are dropped without closing, and started again.
    Crash,
    /// Delivery is drained, and the log is closed and opened again.
    Restart,
    /// All events of a subscription are replayed.
    ReplayRange(usize),
    /// Every dead letter is replayed, and fails again.
    ReplayDead,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let events = prop::collection::vec((0..5_u8, 1..12_u64), 1..8);
    let step = prop_oneof![
        6 => events.prop_map(Step::Publish),
        1 => (0..3_usize).prop_map(Step::Settle),
        2 => Just(Step::Crash),
        1 => Just(Step::Restart),
        1 => (0..3_usize).prop_map(Step::ReplayRange),
        1 => Just(Step::ReplayDead),
    ];
    prop::collection::vec(step, 1..14)
}

/// The response to an event, from a seed, so that it is the same for each delivery.
fn fate(seed: u64, subscription: &str, id: &str) -> Fate {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (seed, subscription, id).hash(&mut hasher);
    match hasher.finish() % 10 {
        0 => Fate::Refused,
        1 => Fate::Hopeless,
        2 | 3 => Fate::Flaky,
        _ => Fate::Taken,
    }
}

fn subscriptions() -> Vec<Subscription> {
    let mut team = subscription("team");
    team.members = vec![member("one", Mode::Batch { events_max: 3 }), member("two", Mode::Binary)];
    let mut narrow = subscription("narrow");
    narrow.concurrency_max = 1;
    let mut all = vec![subscription("wide"), team, narrow];
    all.iter_mut().for_each(|subscription| subscription.attempts_max = ATTEMPTS_MAX);
    all
}

/// The observed deliveries, across crashes.
#[derive(Default)]
struct Record {
    /// Keys in delivery.
    busy: HashSet<(String, String)>,
    /// How often each event was done.
    done: BTreeMap<(String, String), u32>,
    faults: Vec<String>,
}

struct World {
    folder: Folder,
    seed: u64,
    record: Arc<Mutex<Record>>,
    /// The expected events of the log.
    published: Arc<Mutex<Vec<Event>>>,
    /// The number of crashes and replays, each of which may repeat a delivery.
    repetitions: u32,
    settling: bool,
}

/// Ends the delivery of a key, also if it is cancelled by a crash.
struct Busy(Arc<Mutex<Record>>, (String, String));

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.lock().unwrap().busy.remove(&self.1);
    }
}

impl World {
    /// Subscribers that check the order and respond to each event by its fate.
    fn subscribers(&self) -> Subscribers {
        let (record, published) = (Arc::clone(&self.record), Arc::clone(&self.published));
        let (seed, settling) = (self.seed, self.settling);
        Subscribers::slow(move |delivery| {
            let (record, published) = (Arc::clone(&record), Arc::clone(&published));
            receive(delivery, record, published, seed, settling)
        })
    }

    async fn open(&self) -> Embedded {
        self.folder.open(quick(), &subscriptions()).await
    }

    async fn run(mut self, steps: Vec<Step>) {
        let mut log = self.open().await;
        let mut handle = self.subscribers().start(&log);
        for step in steps {
            match step {
                Step::Publish(events) => self.publish(&log, events).await,
                Step::Settle(place) => drop(settled(&log, &subscriptions()[place].name).await),
                Step::Crash => {
                    self.repetitions += 1;
                    drop(handle);
                    drop(log);
                    log = self.open().await;
                    handle = self.subscribers().start(&log);
                }
                Step::ReplayRange(place) => {
                    self.repetitions += 1;
                    let name = subscriptions().remove(place).name;
                    log.replay_range(name, 0, u64::MAX).await.unwrap();
                }
                Step::ReplayDead => replay_dead(&log).await,
                Step::Restart => {
                    assert!(handle.drain(PATIENCE).await);
                    log.close().await.unwrap();
                    log = self.open().await;
                    handle = self.subscribers().start(&log);
                }
            }
        }
        for subscription in subscriptions() {
            settled(&log, &subscription.name).await;
        }
        self.check(&log).await;
        assert!(handle.drain(PATIENCE).await);
        self.replay_everything(log).await;
    }

    async fn publish(&self, log: &Embedded, events: Vec<(u8, u64)>) {
        let events = events.iter().map(|(key, number)| event(&format!("k{key}"), *number));
        let events = events.collect::<Vec<_>>();
        {
            // A subscriber may be faster than the response of the log.
            let mut published = self.published.lock().unwrap();
            for event in &events {
                if !published.contains(event) {
                    published.push(event.clone());
                }
            }
        }
        log.publish(events).await.unwrap();
    }

    async fn check(&self, log: &Embedded) {
        let published = self.published.lock().unwrap().clone();
        let entries = log.read(0, 500).await.unwrap();
        let kept = entries.into_iter().map(|entry| entry.event).collect::<Vec<_>>();
        assert_eq!(kept, published, "the log is the first publications in order");

        let dead = log.dead_letters(None, 100).await.unwrap();
        let dead = dead
            .into_iter()
            .map(|dead| ((dead.subscription, dead.entry.event.id), (dead.reason, dead.attempts)));
        let dead = dead.collect::<HashMap<_, _>>();
        let record = self.record.lock().unwrap();
        assert_eq!(record.faults, Vec::<String>::new());
        for subscription in subscriptions() {
            // Keys with a dead letter: later events wait.
            let mut held = HashSet::new();
            for event in &published {
                let id = (subscription.name.clone(), event.id.clone());
                let done = record.done.get(&id).copied().unwrap_or_default();
                if held.contains(event.partition_key()) {
                    assert!(done == 0 && !dead.contains_key(&id), "{id:?} did not wait");
                    continue;
                }
                if dead.contains_key(&id) {
                    held.insert(event.partition_key());
                }
                match fate(self.seed, &id.0, &id.1) {
                    Fate::Taken | Fate::Flaky => {
                        assert!(!dead.contains_key(&id), "{id:?} is dead");
                        let done_max = 1 + self.repetitions;
                        assert!((1..=done_max).contains(&done), "{id:?} was done {done} times");
                    }
                    Fate::Refused => assert_eq!(dead[&id].0, Reason::Rejected),
                    Fate::Hopeless => {
                        assert_eq!(dead[&id], (Reason::AttemptsExhausted, ATTEMPTS_MAX));
                    }
                }
            }
        }
    }

    /// Every dead letter is delivered in the end.
    async fn replay_everything(mut self, log: Embedded) {
        self.settling = true;
        let _handle = self.subscribers().start(&log);
        let dead = log.dead_letters(None, 100).await.unwrap();
        for letter in &dead {
            log.replay(letter.id.clone()).await.unwrap();
        }
        for subscription in subscriptions() {
            let progress = settled(&log, &subscription.name).await;
            assert_eq!((progress.dead_letters, progress.retrying_events), (0, 0));
            assert_eq!(progress.lag_events, 0, "the waiting events are delivered afterwards");
        }
        let record = self.record.lock().unwrap();
        for letter in dead {
            assert!(record.done.contains_key(&(letter.subscription, letter.entry.event.id)));
        }
    }
}

/// Replays the current dead letters. Running deliveries may add others.
async fn replay_dead(log: &Embedded) {
    for letter in log.dead_letters(None, 100).await.unwrap() {
        log.replay(letter.id).await.unwrap();
    }
}

fn receive(
    delivery: Delivery,
    record: Arc<Mutex<Record>>,
    published: Arc<Mutex<Vec<Event>>>,
    seed: u64,
    settling: bool,
) -> BoxFuture<'static, Outcome> {
    let name = delivery.subscription.to_string();
    let key = delivery.entries[0].event.partition_key().to_owned();
    let busy = Busy(Arc::clone(&record), (name.clone(), key.clone()));
    if !record.lock().unwrap().busy.insert(busy.1.clone()) {
        record.lock().unwrap().faults.push(format!("{key} is delivered twice at a time"));
    }
    if !settling {
        let published = published.lock().unwrap();
        let mut record = record.lock().unwrap();
        check_order(&delivery, &published, &mut record);
    }
    async move {
        // Let other tasks run.
        tokio::task::yield_now().await;
        let mut noted = record.lock().unwrap();
        let fates = delivery.entries.iter().map(|entry| fate(seed, &name, &entry.event.id));
        let fates = if settling { vec![Fate::Taken] } else { fates.collect() };
        let bad = fates.iter().find(|fate| match fate {
            Fate::Taken => false,
            Fate::Flaky => delivery.attempt <= 2,
            Fate::Refused | Fate::Hopeless => true,
        });
        let outcome = match bad {
            None => {
                for entry in &delivery.entries {
                    *noted.done.entry((name.clone(), entry.event.id.clone())).or_default() += 1;
                }
                Outcome::Done
            }
            Some(Fate::Refused) => Outcome::Rejected("refused".into()),
            Some(_) => Outcome::failed("failed"),
        };
        drop(noted);
        drop(busy);
        outcome
    }
    .boxed()
}

/// Checks that all earlier events of the key are finished, and that a batch is in order.
fn check_order(delivery: &Delivery, published: &[Event], record: &mut Record) {
    let key = delivery.entries[0].event.partition_key();
    let mut of_key = published.iter().filter(|event| event.partition_key() == key);
    for entry in &delivery.entries {
        loop {
            let Some(next) = of_key.next() else {
                record.faults.push(format!("{} is out of order", entry.event.id));
                return;
            };
            if *next == entry.event {
                break;
            }
            let id = (delivery.subscription.to_string(), next.id.clone());
            if !record.done.contains_key(&id) {
                record.faults.push(format!("{} came before {}", entry.event.id, id.1));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_event_is_processed_or_dead_and_every_key_is_in_order(steps in steps(), seed: u64) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let world = World {
            folder: Folder::new(),
            seed,
            record: Arc::default(),
            published: Arc::default(),
            repetitions: 0,
            settling: false,
        };
        runtime.block_on(world.run(steps));
    }
}
