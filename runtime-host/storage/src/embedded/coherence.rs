//! Whether what is remembered of a database is still true.
//!
//! A cache beside a database goes wrong in three ways: a reader puts in what it read before a
//! commit and after the commit was taken note of; two readers see a commit in the order new, old,
//! one from the file and one from the cache; and somebody with `sqlite3` writes past us. All
//! three come down to one question, which is asked under the lock of the entry: has anybody
//! committed since the cache was brought up to date? [`ChangeCounter`] answers it.
//!
//! After a commit the writer brings the cache up to date and then says so by the new number. In
//! between, for a microsecond, and after a commit of somebody else, readers go to the file.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use rusqlite::Connection;

use super::{
    cache::{Cache, Shard},
    wal_index::ChangeCounter,
};

/// One database as the cache knows it.
pub(super) struct Coherence {
    cache: Arc<Cache>,
    /// `None` where the cache cannot be used.
    counter: Option<ChangeCounter>,
    /// Whether the connection of the counter is open. Changes under every shard's lock.
    open: AtomicBool,
    /// The number of commits that the entries of `scope` are true for.
    known: AtomicU32,
    /// Entries of other scopes are never looked at again.
    scope: AtomicU64,
    /// Held while the writer is at it.
    committing: Mutex<()>,
}

/// A state of a database: what is read within one is true at one point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) scope: u64,
    change: u32,
}

/// A transaction of the writer: nobody else commits meanwhile, so all that is remembered holds.
pub(super) struct Committing<'a> {
    coherence: &'a Coherence,
    state: Option<State>,
    _held: MutexGuard<'a, ()>,
}

/// The right to look at the shared memory of a connection; to be dropped before it.
pub(super) struct Attached(Arc<Coherence>);

impl Coherence {
    /// Starts with nothing remembered. The connection has to live longer than what comes second.
    pub(super) fn attach(cache: &Arc<Cache>, connection: &Connection) -> (Arc<Self>, Attached) {
        let counter = ChangeCounter::of(connection).filter(|_| cache.holds_anything());
        let coherence = Arc::new(Self {
            cache: Arc::clone(cache),
            known: AtomicU32::new(0),
            scope: AtomicU64::new(cache.new_scope()),
            open: AtomicBool::new(counter.is_some()),
            counter,
            committing: Mutex::default(),
        });
        if let Some(now) = coherence.counted() {
            coherence.known.store(now, Ordering::Release);
        }
        let attached = Attached(Arc::clone(&coherence));
        (coherence, attached)
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The state that all entries of its scope are of, now, or `None` if the file knows better.
    pub(super) fn state(&self, _held: &Shard) -> Option<State> {
        let known = self.known.load(Ordering::Acquire);
        if self.counted()? == known {
            // After `known`: whoever starts a new scope says so before its number.
            return Some(State { scope: self.scope.load(Ordering::Acquire), change: known });
        }
        self.catch_up();
        None
    }

    /// After somebody else's commit: forget everything and go on. The writer sees to its own.
    fn catch_up(&self) {
        let _held = match self.committing.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(now) = self.counted() {
            self.renew_unless_known(now);
        }
    }

    /// Called by the writer after it has the write lock of the file.
    pub(super) fn begin(&self) -> Committing<'_> {
        let held = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.counted().map(|now| {
            self.renew_unless_known(now);
            State { scope: self.scope.load(Ordering::Acquire), change: now }
        });
        Committing { coherence: self, state, _held: held }
    }

    fn renew_unless_known(&self, now: u32) {
        if now != self.known.load(Ordering::Acquire) {
            self.scope.store(self.cache.new_scope(), Ordering::Release);
            self.known.store(now, Ordering::Release);
        }
    }

    #[expect(unsafe_code, reason = "the counter lies in memory that SQLite maps")]
    fn counted(&self) -> Option<u32> {
        let counter = self.counter.as_ref().filter(|_| self.open.load(Ordering::Acquire))?;
        // SAFETY: `open` is unset before the connection is closed, and then every shard's lock
        // is taken once. So whoever asks under such a lock and finds it set is done before that.
        // Whoever asks without one is the writer, which owns the connection.
        Some(unsafe { counter.read() })
    }
}

impl Committing<'_> {
    /// Where to look for what is remembered; `None` if nothing is.
    pub(super) fn scope(&self) -> Option<u64> {
        self.state.map(|state| state.scope)
    }

    /// After the commit: has `update` bring the cache up to date, and lets readers see it.
    pub(super) fn publish(self, has_changed: bool, update: impl FnOnce(&Cache, u64)) {
        let (Some(state), Some(now)) = (self.state, self.coherence.counted()) else { return };
        let expected = state.change.wrapping_add(u32::from(has_changed));
        if now == expected {
            update(&self.coherence.cache, state.scope);
            self.coherence.known.store(now, Ordering::Release);
        } else {
            // Somebody else has committed right behind us.
            self.coherence.renew_unless_known(now);
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.open.store(false, Ordering::Release);
        self.0.cache.pass_every_lock();
    }
}
