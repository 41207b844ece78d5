//! Subscribers with planned responses that check the guarantees of the broker when they are called.

use super::yield_once;
use crate::ports::Subscriber;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tessera_events::{Event, Member, Outcome, RandomSource};

/// What a subscriber does with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// It is processed, but the response is lost.
    Lost,
    Failed,
    Rejected,
}

/// All components that subscribe. Clones share their state.
#[derive(Clone, Debug)]
pub(super) struct Subscribers {
    state: Arc<Mutex<State>>,
    /// For the brokers of the test.
    pub(super) random: RandomSource,
}

impl Default for Subscribers {
    fn default() -> Self {
        let next = AtomicU64::new(0);
        let random = RandomSource::new(move || next.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst));
        Self { state: Arc::default(), random }
    }
}

#[derive(Debug, Default)]
struct State {
    plan: VecDeque<Answer>,
    /// The responses to certain events.
    fixed: BTreeMap<String, Answer>,
    /// The components and keys in delivery.
    busy: BTreeSet<(String, String)>,
    /// The numbers of the events that were applied, by component and key.
    applied: BTreeMap<(String, String), Vec<u64>>,
    /// Components that fail all deliveries.
    down: BTreeSet<String>,
    /// The number of rejections and failures, by component and event.
    refused: BTreeMap<(String, String), u32>,
}

impl Subscribers {
    /// The responses to the next deliveries. All later ones are successes.
    pub(super) fn plan(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut state = self.state();
        state.plan.clear();
        state.plan.extend(answers);
    }

    /// The response to an event from now on.
    pub(super) fn fix(&self, id: &str, answer: Answer) {
        self.state().fixed.insert(id.to_owned(), answer);
    }

    /// Sets whether a component fails all deliveries.
    pub(super) fn set_down(&self, component: &str, is_down: bool) {
        let mut state = self.state();
        if is_down {
            state.down.insert(component.to_owned());
        } else {
            state.down.remove(component);
        }
    }

    /// The numbers applied, repetitions included.
    pub(super) fn applied(&self, component: &str, key: &str) -> Vec<u64> {
        let at = (component.to_owned(), key.to_owned());
        self.state().applied.get(&at).cloned().unwrap_or_default()
    }

    pub(super) fn refused(&self, component: &str, id: &str) -> u32 {
        let at = (component.to_owned(), id.to_owned());
        self.state().refused.get(&at).copied().unwrap_or(0)
    }

    pub(super) fn state_is_idle(&self) -> bool {
        self.state().busy.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, component: &str, events: &[Event]) -> Answer {
        let mut state = self.state();
        if state.down.contains(component) {
            return Answer::Failed;
        }
        let fixed = events.iter().find_map(|event| state.fixed.get(&event.id).copied());
        fixed.or_else(|| state.plan.pop_front()).unwrap_or(Answer::Done)
    }

    /// Checks that new events of a key arrive in order. Repetitions may come in between.
    fn apply(&self, at: &(String, String), events: &[Event]) {
        let mut state = self.state();
        for event in events {
            let number = event.sequence().unwrap_or_default();
            let applied = state.applied.entry(at.clone()).or_default();
            let newest = applied.iter().max().copied().unwrap_or(0);
            assert!(
                number > newest || applied.contains(&number),
                "{at:?} gets {number} for the first time after {newest}: {applied:?}"
            );
            applied.push(number);
        }
    }
}

impl Subscriber for Subscribers {
    async fn deliver(&self, member: &Member, events: &[Event]) -> Outcome {
        let at = (member.component.clone(), events[0].partition_key().to_owned());
        assert!(events.iter().all(|event| event.partition_key() == at.1), "one key at a time");
        assert!(events.len() <= member.mode.events_max());
        assert!(self.state().busy.insert(at.clone()), "{at:?} is delivered twice at once");
        let _busy = Busy(self.clone(), at.clone());
        yield_once().await;
        let answer = self.answer(&member.component, events);
        if matches!(answer, Answer::Done | Answer::Lost) {
            self.apply(&at, events);
        }
        if answer != Answer::Done {
            for event in events {
                *self.state().refused.entry((at.0.clone(), event.id.clone())).or_default() += 1;
            }
        }
        yield_once().await;
        match answer {
            Answer::Done => Outcome::Done,
            Answer::Lost | Answer::Failed => Outcome::failed("not now"),
            Answer::Rejected => Outcome::Rejected("never".to_owned()),
        }
    }
}

/// Ends a delivery, also if it is cancelled.
struct Busy(Subscribers, (String, String));

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.state().busy.remove(&self.1);
    }
}
