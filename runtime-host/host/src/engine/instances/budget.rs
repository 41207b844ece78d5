//! Limits the number of instances in this process and their memory, and decides which idle
//! instances are dropped.
//!
//! The pooling allocator has a fixed number of slots, and its exhaustion would be an error, not a
//! wait. So each instance needs a permit, and those that are kept warm hold theirs. When all
//! permits are taken, a call that needs an instance takes the permit of an idle one, of any
//! component; only if none is idle does it wait.
//!
//! An idle instance also keeps its memory, and a linear memory never shrinks. So a grown instance
//! is dropped when it has not been used for some time, and any idle instance when memory is short.

use super::guest_state::GuestState;
use super::idle::Idle;
use super::memory::MemoryBudget;
use crate::background;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};
use tessera_resilience::{Choice, Deadline};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Idle instances that one revision keeps at most.
pub(super) const IDLE_MAX: usize = 32;
/// The interval of checks for grown instances.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The permits and the memory of all instances of the process.
pub(crate) struct InstanceBudget {
    pub(crate) memory: MemoryBudget,
    permits: Arc<Semaphore>,
    /// Calls that wait for a permit.
    waiting: Arc<AtomicUsize>,
    /// Those of all revisions that still exist.
    idle: Mutex<Vec<Weak<dyn IdleInstances>>>,
}

/// The idle instances of one revision, as far as the budget decides about them.
pub(super) trait IdleInstances: Send + Sync {
    fn count(&self) -> usize;

    /// The size of the one with the most memory.
    fn largest_bytes(&self) -> usize;

    /// Ends those that have been idle for too long.
    fn end_unused(&self, now: Instant);

    /// Ends the one that would be used last, and returns its permit. `None` if none is idle.
    fn end_longest(&self) -> Option<OwnedSemaphorePermit>;

    /// Ends the one with the most memory, on a separate thread, and returns whether it has ended.
    /// `None` if none is idle: others can be taken concurrently.
    fn end_largest(&self) -> Option<bool>;
}

impl InstanceBudget {
    pub(crate) fn new(instances_max: u32, memory: MemoryBudget) -> Self {
        let permits = Arc::new(Semaphore::new(instances_max as usize));
        Self { memory, permits, waiting: Arc::default(), idle: Mutex::default() }
    }

    /// Drops idle instances, on a separate thread, as long as the budget exists.
    pub(crate) fn release_periodically(self: &Arc<Self>) -> std::io::Result<()> {
        let weak = Arc::downgrade(self);
        let run = move || {
            background::lower_priority();
            while let Some(budget) = weak.upgrade() {
                budget.release(Instant::now());
                drop(budget);
                thread::sleep(CHECK_INTERVAL);
            }
        };
        thread::Builder::new().name("idle-instances".into()).spawn(run).map(drop)
    }

    fn release(&self, now: Instant) {
        for idle in self.all() {
            idle.end_unused(now);
        }
        while self.memory.is_short() && self.free_memory() {}
    }

    /// Drops the idle instance with the most memory. False if none is idle.
    ///
    /// On a separate thread: this may be called while another guest's memory grows, and a wasmtime
    /// store must not be dropped at that point.
    pub(crate) fn free_memory(&self) -> bool {
        let mut all = self.all();
        all.sort_by_cached_key(|idle| Reverse(idle.largest_bytes()));
        all.into_iter().find_map(|idle| idle.end_largest()).unwrap_or(false)
    }

    /// A permit for an instance, or none if the deadline passes first.
    pub(crate) async fn permit(&self, deadline: Deadline) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Some(permit);
        }
        // In this order: an instance that becomes idle from here on is not kept.
        let _waiting = Waiting::begin(&self.waiting);
        if let Some(permit) = self.end_longest_idle() {
            return Some(permit);
        }
        deadline.limit(self.permits.clone().acquire_owned()).await.ok()?.ok()
    }

    /// The idle instances of a new revision.
    pub(crate) fn idle<G: GuestState>(&self, idle_max_ns: Option<Choice>) -> Arc<Idle<G>> {
        let idle = Arc::new(Idle::new(self.waiting.clone(), idle_max_ns));
        let mut all = self.idle.lock();
        all.retain(|one| one.strong_count() > 0);
        let weak = Arc::downgrade(&idle);
        all.push(weak);
        idle
    }

    /// Ends an idle instance of the revision that has most of them, and returns its permit.
    fn end_longest_idle(&self) -> Option<OwnedSemaphorePermit> {
        let mut all = self.all();
        all.sort_by_cached_key(|idle| Reverse(idle.count()));
        all.iter().find_map(|idle| idle.end_longest())
    }

    fn all(&self) -> Vec<Arc<dyn IdleInstances>> {
        self.idle.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// A budget without limits.
    #[cfg(test)]
    pub(crate) fn of_test() -> Arc<Self> {
        Arc::new(Self::new(u32::MAX >> 4, MemoryBudget::new(usize::MAX)))
    }
}

/// A call that waits for a permit, until it is dropped.
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
