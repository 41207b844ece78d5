//! Answers that an edge gives several times: kept ones for a while, and old ones if a call fails.
//! Equal calls that come at the same time become one.
//!
//! Who calls decides what an answer depends on: all of that is in the key. An answer is never given
//! for another key.

mod memory;

pub(crate) use memory::AnswerMemory;

use crate::calls::CallError;
use crate::calls::Kind;
use crate::telemetry::EdgeCounts;
use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_resilience::cache::{Cache, Kept, Lifetime};
use tessera_resilience::{Deadline, Priority};
use tokio::sync::watch;

/// Calls with a longer key are made as if there were no cache.
pub(crate) const KEY_MAX_BYTES: usize = 16 << 10;
/// For this long it is remembered that the answers for a key can't be given twice, so that calls do
/// not wait for each other.
const UNSHARED: Lifetime = Lifetime { fresh: Duration::from_secs(10), stale: Duration::ZERO };
/// A call waits for at most this many equal ones. If they end without an answer, it makes its own, so
/// that calls to a callee that fails are not made one after the other.
const WAITS_MAX: u32 = 2;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerOptions {
    /// The longest time for which an answer is given in place of a call.
    pub(crate) age_max: Duration,
    /// The longest time after that for which it is given if a call fails.
    pub(crate) stale_max: Duration,
    pub(crate) size_max_bytes: usize,
}

impl AnswerOptions {
    /// A lifetime within the limits.
    pub(crate) fn limit(&self, lifetime: Lifetime) -> Lifetime {
        Lifetime {
            fresh: lifetime.fresh.min(self.age_max),
            stale: lifetime.stale.min(self.stale_max),
        }
    }
}

/// An answer of any type.
type Value = Arc<dyn Any + Send + Sync>;
type Key = Box<[u8]>;

/// In the cache: the answers for this key can't be given twice.
struct Unshared;

/// In the cache: an answer.
#[derive(Clone)]
struct Stored {
    value: Value,
    /// Whether equal calls wait for each other's answers.
    is_shared: bool,
}

/// The answers of an edge.
pub(crate) struct Answers {
    options: AnswerOptions,
    /// The longest time for which a call waits for an equal one.
    wait_max: Duration,
    state: Arc<Mutex<State>>,
    memory: Arc<AnswerMemory>,
    counts: EdgeCounts,
}

struct State {
    cache: Cache<Stored>,
    /// Calls that others wait for. At most as many as there are calls.
    flights: HashMap<Key, InFlight>,
    next_flight: u64,
    /// How often something was changed. What was read before may be outdated.
    writes: u64,
}

/// A call that others wait for.
struct InFlight {
    number: u64,
    landing: watch::Receiver<Landing>,
    priority: Priority,
    /// Those before it began.
    writes: u64,
}

/// What became of a call that others wait for.
#[derive(Clone)]
enum Landing {
    InFlight,
    /// All get its answer.
    Shared(Kept<Value>),
    /// Each has to make its own call.
    Alone,
}

/// How a call goes on.
pub(crate) enum Begun<'a, V> {
    /// There is an answer.
    Answered(Kept<Arc<V>>),
    /// It has to be made, and others may wait for it.
    Leads(Flight<'a>),
    /// It has to be made.
    Alone,
}

/// A call that others wait for. If it is canceled, one of them makes it.
pub(crate) struct Flight<'a> {
    answers: &'a Answers,
    key: Key,
    number: u64,
    /// Those before it began.
    writes: u64,
    sender: watch::Sender<Landing>,
}

impl Answers {
    /// `timeout` is that of the policy.
    pub(super) fn new(
        options: AnswerOptions,
        timeout: Option<Duration>,
        memory: Arc<AnswerMemory>,
        counts: EdgeCounts,
    ) -> Self {
        let state = State {
            cache: Cache::new(options.size_max_bytes.min(memory.size_max_bytes())),
            flights: HashMap::new(),
            next_flight: 0,
            writes: 0,
        };
        let state = Arc::new(Mutex::new(state));
        memory.add(&state);
        let wait_max = timeout.unwrap_or(Duration::MAX);
        Self { options, wait_max, state, memory, counts }
    }

    /// Changes what is kept.
    fn change<R>(&self, change: impl FnOnce(&mut State, Duration) -> R) -> R {
        self.memory.change(&self.state, change)
    }

    pub(crate) fn options(&self) -> AnswerOptions {
        self.options
    }

    /// Begins a call. Waits for an equal one if there is one that is as urgent. Without a priority,
    /// it waits for none, and none waits for it.
    ///
    /// Errors: the deadline passed before the other one was answered.
    pub(crate) async fn begin<V: Any + Send + Sync>(
        &self,
        key: &[u8],
        deadline: Deadline,
        priority: Option<Priority>,
    ) -> Result<Begun<'_, V>, CallError> {
        let patience = Deadline::after(self.wait_max);
        let mut waits = 0;
        loop {
            let mut other = match self.look_up(key, priority.filter(|_| waits < WAITS_MAX)) {
                LookedUp::Begun(begun) => return Ok(begun),
                LookedUp::InFlight(other) => other,
            };
            waits += 1;
            let landed = other.wait_for(|it| !matches!(it, Landing::InFlight));
            let landed = deadline.min(patience).limit(landed);
            match landed.await {
                // It has no answer: this call or another one that waits takes its place.
                Ok(Err(_)) => {}
                Ok(Ok(landed)) => return Ok(self.landed(&landed)),
                Err(_) if patience < deadline => waits = WAITS_MAX,
                Err(_) => {
                    let detail = "the deadline passed while it waited for an equal call";
                    return Err(CallError::new(Kind::DeadlineExceeded, detail));
                }
            }
        }
    }

    fn look_up<V: Any + Send + Sync>(
        &self,
        key: &[u8],
        priority: Option<Priority>,
    ) -> LookedUp<'_, V> {
        self.change(|state, now| self.look_up_in(state, now, key, priority))
    }

    fn look_up_in<V: Any + Send + Sync>(
        &self,
        state: &mut State,
        now: Duration,
        key: &[u8],
        priority: Option<Priority>,
    ) -> LookedUp<'_, V> {
        let kept = state.cache.get(key, now);
        let is_shared = kept.as_ref().is_none_or(|kept| kept.value.is_shared);
        if let Some(kept) = kept.filter(|kept| !kept.fresh.is_zero()) {
            return LookedUp::Begun(match typed(value_of(kept)) {
                Some(kept) => {
                    self.counts.answers_fresh.inc();
                    Begun::Answered(kept)
                }
                None => Begun::Alone,
            });
        }
        let priority = priority.filter(|_| is_shared);
        if let (Some(priority), Some(other)) = (priority, state.flights.get(key))
            && other.priority >= priority
            && other.writes == state.writes
        {
            return LookedUp::InFlight(other.landing.clone());
        }
        let (sender, landing) = watch::channel(Landing::InFlight);
        let (number, writes) = (state.next_flight, state.writes);
        state.next_flight += 1;
        if let Some(priority) = priority {
            let flight = InFlight { number, landing, priority, writes };
            state.flights.insert(key.into(), flight);
        }
        let flight = Flight { answers: self, key: key.into(), number, writes, sender };
        LookedUp::Begun(Begun::Leads(flight))
    }

    fn landed<V: Any + Send + Sync>(&self, landing: &Landing) -> Begun<'_, V> {
        let Landing::Shared(kept) = landing else { return Begun::Alone };
        match typed(kept.clone()) {
            Some(kept) => {
                self.counts.answers_shared.inc();
                Begun::Answered(kept)
            }
            None => Begun::Alone,
        }
    }

    /// An answer for a call that failed.
    pub(crate) fn stale<V: Any + Send + Sync>(&self, key: &[u8]) -> Option<Kept<Arc<V>>> {
        let kept = self.change(|state, now| state.cache.get(key, now))?;
        let kept = typed(value_of(kept))?;
        self.counts.answers_stale.inc();
        Some(kept)
    }

    /// Something was changed: drops the answers for which this is true. Those of calls in flight are
    /// not kept, and further calls do not wait for them.
    pub(crate) fn drop_if<V: Any>(&self, is_outdated: impl Fn(&V) -> bool) {
        let is_outdated =
            |stored: &Stored| stored.value.downcast_ref::<V>().is_some_and(&is_outdated);
        self.change(|state, _| {
            state.writes += 1;
            state.cache.drop_if(is_outdated);
        });
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.change(|state, _| state.cache = Cache::new(0));
    }
}

enum LookedUp<'a, V> {
    Begun(Begun<'a, V>),
    InFlight(watch::Receiver<Landing>),
}

fn value_of(kept: Kept<Stored>) -> Kept<Value> {
    let Kept { value, age, fresh } = kept;
    Kept { value: value.value, age, fresh }
}

fn typed<V: Any + Send + Sync>(kept: Kept<Value>) -> Option<Kept<Arc<V>>> {
    let Kept { value, age, fresh } = kept;
    value.downcast().ok().map(|value| Kept { value, age, fresh })
}

impl Flight<'_> {
    /// Keeps an answer.
    pub(crate) fn keep<V: Any + Send + Sync>(
        &self,
        value: Arc<V>,
        size_bytes: usize,
        lifetime: Lifetime,
    ) {
        self.insert(Stored { value, is_shared: true }, size_bytes, lifetime);
    }

    /// Keeps an answer for calls that fail. Further ones do not wait for each other.
    pub(crate) fn keep_unshared<V: Any + Send + Sync>(
        &self,
        value: Arc<V>,
        size_bytes: usize,
        lifetime: Lifetime,
    ) {
        self.insert(Stored { value, is_shared: false }, size_bytes, lifetime);
    }

    fn insert(&self, stored: Stored, size_bytes: usize, lifetime: Lifetime) {
        let lifetime = self.answers.options.limit(lifetime);
        self.answers.change(|state, now| {
            // An answer from before a change would outlive it.
            if state.writes == self.writes {
                state.cache.insert(self.key.clone(), stored, size_bytes, lifetime, now);
            }
        });
    }

    /// What is kept is outdated.
    pub(crate) fn forget(&self) {
        self.answers.change(|state, _| state.cache.remove(&self.key));
    }

    /// Gives an answer to all that wait.
    pub(crate) fn share<V: Any + Send + Sync>(self, value: Arc<V>) {
        let (age, fresh) = (Duration::ZERO, Duration::ZERO);
        self.share_kept(&Kept { value, age, fresh });
    }

    /// Gives an answer that was kept to all that wait, with its age.
    pub(crate) fn share_kept<V: Any + Send + Sync>(self, kept: &Kept<Arc<V>>) {
        let value: Value = kept.value.clone();
        let kept = Kept { value, age: kept.age, fresh: kept.fresh };
        self.sender.send_replace(Landing::Shared(kept));
    }

    /// All that wait make their own calls.
    pub(crate) fn failed(self) {
        self.sender.send_replace(Landing::Alone);
    }

    /// The answer is for this call alone, and so are further ones.
    pub(crate) fn keep_apart(self) {
        let unshared = Stored { value: Arc::new(Unshared), is_shared: false };
        self.answers.change(|state, now| {
            state.cache.insert(self.key.clone(), unshared, 0, UNSHARED, now);
        });
        self.failed();
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = self.answers.state.lock();
        // Another one may have taken its place.
        if state.flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            state.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
