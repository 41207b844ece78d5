//! Answers that an edge gives several times: kept ones for a while, and old ones if a call fails.
//! Equal calls that come at the same time become one.
//!
//! Who calls decides what an answer depends on: all of that is in the key. An answer is never given
//! for another key.

use crate::calls::CallError;
use crate::calls::Kind;
use crate::telemetry::EdgeCounts;
use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_resilience::Deadline;
use tessera_resilience::cache::{Cache, Kept, Lifetime};
use tokio::sync::watch;
use tokio::time::Instant;

/// Calls with a longer key are made as if there were no cache.
pub(crate) const KEY_MAX_BYTES: usize = 16 << 10;
/// For this long it is remembered that the answers for a key can't be given twice, so that calls do
/// not wait for each other.
const UNSHARED: Lifetime = Lifetime { fresh: Duration::from_secs(10), stale: Duration::ZERO };

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerOptions {
    /// The longest time for which an answer is given in place of a call.
    pub(crate) age_max: Duration,
    /// The longest time after that for which it is given if a call fails.
    pub(crate) stale_max: Duration,
    pub(crate) size_max_bytes: usize,
}

/// An answer of any type.
type Value = Arc<dyn Any + Send + Sync>;
type Key = Box<[u8]>;

/// In the cache: the answers for this key can't be given twice.
struct Unshared;

/// The answers of an edge.
pub(crate) struct Answers {
    options: AnswerOptions,
    clock: Instant,
    state: Mutex<State>,
    counts: EdgeCounts,
}

struct State {
    cache: Cache<Value>,
    /// Calls that others wait for. At most as many as there are calls.
    flights: HashMap<Key, watch::Receiver<Landing>>,
}

/// What became of a call that others wait for.
#[derive(Clone)]
enum Landing {
    InFlight,
    /// All get its answer.
    Shared(Value),
    /// Each has to make its own call.
    Alone,
}

/// How a call goes on.
pub(crate) enum Begun<'a, V> {
    /// There is an answer.
    Answered(Kept<Arc<V>>),
    /// It has to be made, and others wait for it.
    Leads(Flight<'a>),
    /// It has to be made.
    Alone,
}

/// A call that others wait for. If it is canceled, one of them makes it.
pub(crate) struct Flight<'a> {
    answers: &'a Answers,
    key: Key,
    sender: watch::Sender<Landing>,
}

impl Answers {
    pub(super) fn new(options: AnswerOptions, counts: EdgeCounts) -> Self {
        let state = State { cache: Cache::new(options.size_max_bytes), flights: HashMap::new() };
        Self { options, clock: Instant::now(), state: Mutex::new(state), counts }
    }

    pub(crate) fn options(&self) -> AnswerOptions {
        self.options
    }

    /// Begins a call. Waits for an equal one if there is one.
    ///
    /// Errors: the deadline passed before the other one was answered.
    pub(crate) async fn begin<V: Any + Send + Sync>(
        &self,
        key: &[u8],
        deadline: Deadline,
    ) -> Result<Begun<'_, V>, CallError> {
        loop {
            let mut other = match self.look_up(key) {
                LookedUp::Begun(begun) => return Ok(begun),
                LookedUp::InFlight(other) => other,
            };
            let landed = deadline.limit(other.wait_for(|it| !matches!(it, Landing::InFlight)));
            match landed.await {
                // It was canceled: this call or another one that waits takes its place.
                Ok(Err(_)) => {}
                Ok(Ok(landed)) => return Ok(self.landed(&landed)),
                Err(_) => {
                    let detail = "the deadline passed while it waited for an equal call";
                    return Err(CallError::new(Kind::DeadlineExceeded, detail));
                }
            }
        }
    }

    fn look_up<V: Any + Send + Sync>(&self, key: &[u8]) -> LookedUp<'_, V> {
        let mut state = self.state.lock();
        if let Some(kept) = state.cache.get(key, self.clock.elapsed())
            && !kept.fresh.is_zero()
        {
            return LookedUp::Begun(match typed(kept) {
                Some(kept) => {
                    self.counts.answers_fresh.inc();
                    Begun::Answered(kept)
                }
                None => Begun::Alone,
            });
        }
        if let Some(other) = state.flights.get(key) {
            return LookedUp::InFlight(other.clone());
        }
        let (sender, receiver) = watch::channel(Landing::InFlight);
        state.flights.insert(key.into(), receiver);
        LookedUp::Begun(Begun::Leads(Flight { answers: self, key: key.into(), sender }))
    }

    fn landed<V: Any + Send + Sync>(&self, landing: &Landing) -> Begun<'_, V> {
        let Landing::Shared(value) = landing else { return Begun::Alone };
        let (age, fresh) = (Duration::ZERO, Duration::ZERO);
        match typed(Kept { value: value.clone(), age, fresh }) {
            Some(kept) => {
                self.counts.answers_shared.inc();
                Begun::Answered(kept)
            }
            None => Begun::Alone,
        }
    }

    /// An answer for a call that failed.
    pub(crate) fn stale<V: Any + Send + Sync>(&self, key: &[u8]) -> Option<Kept<Arc<V>>> {
        let kept = self.state.lock().cache.get(key, self.clock.elapsed())?;
        let kept = typed(kept)?;
        self.counts.answers_stale.inc();
        Some(kept)
    }

    /// Drops the answers for which this is true.
    pub(crate) fn drop_if<V: Any>(&self, is_outdated: impl Fn(&V) -> bool) {
        let is_outdated = |value: &Value| value.downcast_ref::<V>().is_some_and(&is_outdated);
        self.state.lock().cache.drop_if(is_outdated);
    }
}

enum LookedUp<'a, V> {
    Begun(Begun<'a, V>),
    InFlight(watch::Receiver<Landing>),
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
        let AnswerOptions { age_max, stale_max, .. } = self.answers.options;
        let lifetime =
            Lifetime { fresh: lifetime.fresh.min(age_max), stale: lifetime.stale.min(stale_max) };
        let now = self.answers.clock.elapsed();
        let key = self.key.clone();
        self.answers.state.lock().cache.insert(key, value, size_bytes, lifetime, now);
    }

    /// What is kept is outdated.
    pub(crate) fn forget(&self) {
        self.answers.state.lock().cache.remove(&self.key);
    }

    /// Gives an answer to all that wait.
    pub(crate) fn share<V: Any + Send + Sync>(self, value: Arc<V>) {
        self.sender.send_replace(Landing::Shared(value));
    }

    /// All that wait make their own calls.
    pub(crate) fn failed(self) {
        self.sender.send_replace(Landing::Alone);
    }

    /// The answer is for this call alone, and so are further ones.
    pub(crate) fn keep_apart(self) {
        let now = self.answers.clock.elapsed();
        let (key, unshared) = (self.key.clone(), Arc::new(Unshared));
        self.answers.state.lock().cache.insert(key, unshared, 0, UNSHARED, now);
        self.failed();
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.answers.state.lock().flights.remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
