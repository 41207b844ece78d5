//! Subscribers that record deliveries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Event, Member, Outcome};

type Rule = dyn Fn(&[Event]) -> Outcome + Send + Sync;

/// All components of a test. They record deliveries and answer by a rule. Clones share their state.
#[derive(Clone)]
pub struct Subscribers {
    rule: Arc<Mutex<Box<Rule>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A delivery.
#[derive(Clone, Debug)]
struct Seen {
    component: String,
    key: String,
    ids: Vec<String>,
}

impl Subscribers {
    /// Subscribers with a rule.
    pub(super) fn new(rule: impl Fn(&[Event]) -> Outcome + Send + Sync + 'static) -> Self {
        Self { rule: Arc::new(Mutex::new(Box::new(rule))), seen: Arc::default() }
    }

    /// Subscribers that process everything.
    pub(super) fn content() -> Self {
        Self::new(|_| Outcome::Done)
    }

    /// Subscribers that give this answer to one event, and process all others.
    pub(super) fn except(id: &'static str, answer: Outcome) -> Self {
        Self::new(move |events| {
            if events.iter().any(|event| event.id == id) { answer.clone() } else { Outcome::Done }
        })
    }

    /// Processes everything from now on.
    pub(super) fn recover(&self) {
        *lock(&self.rule) = Box::new(|_| Outcome::Done);
    }

    /// Records a delivery and returns its outcome. Called by the broker under test.
    pub fn deliver(&self, member: &Member, events: &[Event]) -> Outcome {
        let key = events[0].partition_key();
        assert!(events.iter().all(|event| event.partition_key() == key), "one key per delivery");
        assert!(events.len() <= member.mode.events_max(), "the batch is too large");
        lock(&self.seen).push(Seen {
            component: member.component.clone(),
            key: key.to_owned(),
            ids: events.iter().map(|event| event.id.clone()).collect(),
        });
        (*lock(&self.rule))(events)
    }

    /// The deliveries of a key to a component, with the ids of their events.
    pub(super) fn deliveries(&self, component: &str, key: &str) -> Vec<Vec<String>> {
        let seen = lock(&self.seen);
        let matching = seen.iter().filter(|seen| seen.component == component && seen.key == key);
        matching.map(|seen| seen.ids.clone()).collect()
    }

    /// The ids of all events of a key that were delivered to a component, in order.
    pub(super) fn ids(&self, component: &str, key: &str) -> Vec<String> {
        self.deliveries(component, key).into_iter().flatten().collect()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
