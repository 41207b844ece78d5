//! A log in memory, for tests: accepts like the real ones, and fails on demand.

use super::{Event, Producer, PublishError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a [`MemoryProducer`] does with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// Accept and say so.
    Accept,
    /// Accept nothing and return [`PublishError::Unavailable`].
    Refuse,
    /// Accept this many of the first events, then return [`PublishError::Unavailable`]: a lost
    /// response.
    AcceptAndFail(usize),
}

/// Clones share their log. Events are kept once by source and id, in the order of their first
/// publication; malformed ones are refused.
#[derive(Clone, Debug, Default)]
pub struct MemoryProducer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Event>,
    calls: usize,
    plan: VecDeque<Behavior>,
    down: bool,
}

impl MemoryProducer {
    /// An empty log that accepts everything.
    pub fn new() -> MemoryProducer {
        MemoryProducer::default()
    }

    /// The accepted events, in order, each of them once.
    pub fn events(&self) -> Vec<Event> {
        self.state().log.clone()
    }

    /// The number of calls so far, failed ones included.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// The behavior of the next calls. Later calls are accepted.
    pub fn plan(&self, behaviors: impl IntoIterator<Item = Behavior>) {
        self.state().plan.extend(behaviors);
    }

    /// Whether to refuse all calls.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Producer for MemoryProducer {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let mut state = self.state();
        state.calls += 1;
        if events.len() > super::PUBLISH_EVENTS_MAX {
            return Err(PublishError::Invalid("too many events at once".to_owned()));
        }
        for event in events {
            event.check().map_err(|error| PublishError::Invalid(error.to_string()))?;
        }
        let planned = state.plan.pop_front().unwrap_or(Behavior::Accept);
        let accepted = match planned {
            _ if state.down => 0,
            Behavior::Accept => events.len(),
            Behavior::Refuse => 0,
            Behavior::AcceptAndFail(events) => events,
        };
        for event in events.iter().take(accepted) {
            let same = |known: &Event| known.source == event.source && known.id == event.id;
            if !state.log.iter().any(same) {
                state.log.push(event.clone());
            }
        }
        match planned {
            Behavior::Accept if !state.down => Ok(()),
            _ => Err(PublishError::Unavailable("the log is down".to_owned())),
        }
    }
}
