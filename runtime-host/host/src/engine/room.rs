//! Room for instances: how many may exist at once in this process, and who gives way.
//!
//! The pooling allocator has so many places, and its exhaustion would be an error, not a wait.
//! Instances that are kept warm hold places too. When all are taken, a call that needs an instance
//! takes the place of one that is idle, of whatever component; only if none is does it wait.

use super::instance::Instance;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tessera_resilience::Deadline;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Idle instances that one revision keeps at most.
const IDLE_MAX: usize = 32;

/// All places of the process.
pub(super) struct Room {
    places: Arc<Semaphore>,
    /// Calls that wait for a place.
    waiting: Arc<AtomicUsize>,
    /// Those of all revisions that are still there.
    idle: Mutex<Vec<Weak<Idle>>>,
}

impl Room {
    pub(super) fn new(instances_max: u32) -> Self {
        let places = Arc::new(Semaphore::new(instances_max as usize));
        Self { places, waiting: Arc::default(), idle: Mutex::default() }
    }

    /// A place for an instance, or none if the deadline passes first.
    pub(super) async fn place(&self, deadline: Deadline) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        // In this order: whoever becomes idle from here on sees that somebody waits.
        let _waiting = Waiting::begin(&self.waiting);
        if let Some(instance) = self.longest_idle() {
            return Some(instance.into_place());
        }
        deadline.limit(self.places.clone().acquire_owned()).await.ok()?.ok()
    }

    /// The idle instances of a new revision.
    pub(super) fn idle(&self) -> Arc<Idle> {
        let idle = Arc::new(Idle { instances: Mutex::default(), waiting: self.waiting.clone() });
        let mut all = self.lock();
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&idle));
        idle
    }

    /// An idle instance of the revision that has most of them, the one that it would use last.
    fn longest_idle(&self) -> Option<Instance> {
        let mut all: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        all.sort_by_cached_key(|idle| Reverse(idle.lock().len()));
        all.iter().find_map(|idle| idle.lock().pop_front())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The idle instances of one revision. Last in, first out: the one that was used last has its
/// memory in the processor's cache.
pub(super) struct Idle {
    instances: Mutex<VecDeque<Instance>>,
    waiting: Arc<AtomicUsize>,
}

impl Idle {
    pub(super) fn take(&self) -> Option<Instance> {
        self.lock().pop_back()
    }

    /// Keeps it for the next call, unless there are enough or others need its place.
    pub(super) fn keep(&self, instance: Instance) {
        let mut instances = self.lock();
        if instances.len() < IDLE_MAX && self.waiting.load(Ordering::Relaxed) == 0 {
            instances.push_back(instance);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits for a place, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
