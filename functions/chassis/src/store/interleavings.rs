//! Exhaustive testing of the interleavings of concurrent use cases over a store.
//!
//! A race that needs three particular operations in a particular order is rarely found by load, but
//! a few short use cases have a limited number of interleavings. [`explore`] runs the use cases as
//! actors that stop before each operation of the store, and tries every choice of the actor that
//! continues or dies next. Interleavings that lead to the same state (same store, same results for
//! each actor) are followed once.

use super::{MemoryStore, Store, StoreError};
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// The maximum number of states of an exploration. More means that its actors are too long.
pub const STATES_MAX: usize = 400_000;

/// The use case of an actor, with the store that it may use.
pub type Script<R> = fn(SteppedStore) -> Pin<Box<dyn Future<Output = R> + Send>>;

/// How an actor has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End<R> {
    /// With this result.
    Done(R),
    /// It died.
    Died,
}

/// The size of an exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Different states in which no actor is left.
    pub ends: usize,
}

/// An exploration that was given up after [`STATES_MAX`] states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {STATES_MAX} states: use shorter actors")]
pub struct TooMany;

/// Runs `actors` over the store that `prepare` makes, in every order, with up to `deaths` of them
/// dying. `always` gets the store in every state, and `at_end` the store and the results of all
/// actors when none is left; both panic if they find an error.
///
/// The actors may only wait for their store.
pub fn explore<R: Clone + Send + 'static>(
    prepare: impl Fn() -> MemoryStore,
    actors: &[Script<R>],
    deaths: usize,
    always: impl Fn(&MemoryStore),
    at_end: impl Fn(&MemoryStore, &[End<R>]),
) -> Result<Explored, TooMany> {
    let mut seen = HashSet::new();
    let mut explored = Explored { states: 0, ends: 0 };
    let mut paths: Vec<Vec<Move>> = vec![Vec::new()];
    while let Some(path) = paths.pop() {
        let mut world = World::start(prepare(), actors);
        path.iter().for_each(|step| world.take(*step));
        if !seen.insert(world.state()) {
            continue;
        }
        explored.states += 1;
        if explored.states > STATES_MAX {
            return Err(TooMany);
        }
        always(&world.store);
        if let Some(ends) = world.ends() {
            explored.ends += 1;
            at_end(&world.store, &ends);
        }
        let died = path.iter().filter(|step| matches!(step, Move::Die(_))).count();
        for index in world.running() {
            let next = |step| [&path[..], &[step]].concat();
            paths.push(next(Move::Step(index)));
            if died < deaths {
                paths.push(next(Move::Die(index)));
            }
        }
    }
    Ok(explored)
}

/// Runs a future that does not wait, as over a [`MemoryStore`], for the checks of an exploration.
/// `None` if it waits.
pub fn at_once<R>(future: impl Future<Output = R>) -> Option<R> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Step(usize),
    Die(usize),
}

/// One run, as far as it has come.
struct World<R> {
    store: MemoryStore,
    actors: Vec<Actor<R>>,
}

struct Actor<R> {
    /// None once it has ended.
    script: Option<Pin<Box<dyn Future<Output = R> + Send>>>,
    end: Option<End<R>>,
    turn: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
}

impl<R: Clone> World<R> {
    fn start(store: MemoryStore, scripts: &[Script<R>]) -> World<R> {
        let start = |script: &Script<R>| {
            let (turn, heard) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
            let stepped =
                SteppedStore { inner: store.clone(), turn: turn.clone(), heard: heard.clone() };
            let mut actor = Actor { script: Some(script(stepped)), end: None, turn, heard };
            // Up to its first operation.
            actor.poll();
            actor
        };
        let actors = scripts.iter().map(start).collect();
        World { store, actors }
    }

    fn take(&mut self, step: Move) {
        match step {
            Move::Step(index) => {
                self.actors[index].turn.store(true, SeqCst);
                self.actors[index].poll();
            }
            Move::Die(index) => {
                self.actors[index].script = None;
                self.actors[index].end = Some(End::Died);
            }
        }
    }

    fn running(&self) -> Vec<usize> {
        (0..self.actors.len()).filter(|index| self.actors[*index].end.is_none()).collect()
    }

    fn ends(&self) -> Option<Vec<End<R>>> {
        self.actors.iter().map(|actor| actor.end.clone()).collect()
    }

    fn state(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let values = self.store.values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = values.iter().collect();
        sorted.sort();
        sorted.hash(&mut hasher);
        for actor in &self.actors {
            let end = actor.end.as_ref().map(|end| matches!(end, End::Died));
            (actor.heard.load(SeqCst), end).hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl<R> Actor<R> {
    fn poll(&mut self) {
        let Some(script) = &mut self.script else { return };
        let polled = script.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(result) = polled {
            self.script = None;
            self.end = Some(End::Done(result));
        }
    }
}

/// A store whose operations wait for the actor's turn.
#[derive(Clone, Debug)]
pub struct SteppedStore {
    /// The store without the steps, for what is not an operation of the actor.
    pub(super) inner: MemoryStore,
    turn: Arc<AtomicBool>,
    /// A hash of all results so far: actors with the same results are in the same state.
    heard: Arc<AtomicU64>,
}

impl SteppedStore {
    async fn step<T: std::fmt::Debug>(&self, operation: impl Future<Output = T>) -> T {
        poll_fn(|_| if self.turn.swap(false, SeqCst) { Poll::Ready(()) } else { Poll::Pending })
            .await;
        let result = operation.await;
        self.hear(&format!("{result:?}"));
        result
    }

    /// Adds something that the actor has learned to its state.
    pub(super) fn hear(&self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.heard.load(SeqCst), what).hash(&mut hasher);
        self.heard.store(hasher.finish(), SeqCst);
    }
}

impl Store for SteppedStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.step(self.inner.get(key)).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.step(self.inner.set(key, value)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.step(self.inner.delete(key)).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.step(self.inner.increment(key, delta)).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.step(self.inner.compare_and_swap(key, expected, new)).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Mutex;

    fn careless(store: SteppedStore) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let n: u64 = store.read("n").await.unwrap().unwrap_or(0);
            store.write("n", &(n + 1)).await.unwrap();
        })
    }

    fn careful(store: SteppedStore) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let add = |n: Option<u64>| Ok::<_, StoreError>((n.unwrap_or(0) + 1, ()));
            store.update("n", add).await.unwrap();
        })
    }

    /// The results that some order leads to.
    fn outcomes(script: Script<()>, deaths: usize) -> Vec<u64> {
        let found = Mutex::new(Vec::new());
        let at_end = |store: &MemoryStore, _: &[End<()>]| {
            let n = at_once(store.read::<u64>("n")).unwrap().unwrap().unwrap_or(0);
            found.lock().unwrap().push(n);
        };
        explore(MemoryStore::new, &[script, script], deaths, |_| {}, at_end).unwrap();
        let mut found = found.into_inner().unwrap();
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn a_lost_update_is_found_if_there_is_one() {
        assert_eq!(outcomes(careless, 0), [1, 2]);
        assert_eq!(outcomes(careful, 0), [2]);
    }

    #[test]
    fn actors_die_at_every_operation() {
        assert_eq!(outcomes(careful, 1), [1, 2]);
        assert_eq!(outcomes(careful, 2), [0, 1, 2]);
    }
}
