//! Limits the number of instances in this process and their memory, and decides which idle
//! instances are dropped.
//!
//! The pooling allocator has so many permits, and its exhaustion would be an error, not a wait.
//! Instances that are kept warm hold permits too. When all are taken, a call that needs an instance
//! takes the permit of one that is idle, of whatever component; only if none is does it wait.
//!
//! An idle instance also keeps its memory, and a linear memory never shrinks. So a grown instance
//! is dropped when it has not been used for some time, and any idle instance when memory is short.

use super::instance::Instance;
use super::memory::MemoryBudget;
use crate::background;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tessera_resilience::Deadline;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Idle instances that one revision keeps at most.
const IDLE_MAX: usize = 32;
/// How long an idle instance is kept whose memory has grown.
const GROWN_IDLE_MAX: Duration = Duration::from_secs(10);
/// The interval of checks for such instances.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// All permits of the process.
pub(crate) struct InstanceBudget {
    pub(crate) memory: MemoryBudget,
    permits: Arc<Semaphore>,
    /// Calls that wait for a permit.
    waiting: Arc<AtomicUsize>,
    /// Those of all revisions that are still there.
    idle: Mutex<Vec<Weak<Idle>>>,
}

impl InstanceBudget {
    pub(crate) fn new(instances_max: u32, memory: MemoryBudget) -> Self {
        let permits = Arc::new(Semaphore::new(instances_max as usize));
        Self { memory, permits, waiting: Arc::default(), idle: Mutex::default() }
    }

    /// Drop idle instances, on a separate thread, as long as the budget exists.
    pub(crate) fn tidy(self: &Arc<Self>) -> std::io::Result<()> {
        let weak = Arc::downgrade(self);
        let run = move || {
            background::lower_priority();
            while let Some(budget) = weak.upgrade() {
                budget.give_back(Instant::now());
                drop(budget);
                thread::sleep(LOOK_EVERY);
            }
        };
        thread::Builder::new().name("idle-instances".into()).spawn(run).map(drop)
    }

    fn give_back(&self, now: Instant) {
        for idle in self.all() {
            // Dropped after the lock is released.
            let grown = idle.take_grown(now);
            drop(grown);
        }
        while self.memory.is_short() && self.free_memory() {}
    }

    /// Drop the idle instance with the most memory. False if none is idle.
    ///
    /// On a separate thread: this may be called while another guest's memory grows, and a wasmtime
    /// store must not be dropped at that point.
    pub(crate) fn free_memory(&self) -> bool {
        let Some((idle, instance)) = self.largest_idle() else { return false };
        let (sender, receiver) = mpsc::channel();
        let end = move || drop(receiver.recv());
        let Ok(thread) = thread::Builder::new().name("end".into()).spawn(end) else {
            // The system can't create a thread. The instance can still be used.
            idle.lock().push_front(instance);
            return false;
        };
        sender.send(instance).is_ok() && thread.join().is_ok()
    }

    /// A permit for an instance, or none if the deadline passes first.
    pub(crate) async fn permit(&self, deadline: Deadline) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Some(permit);
        }
        // In this order: whoever becomes idle from here on sees that somebody waits.
        let _waiting = Waiting::begin(&self.waiting);
        if let Some(instance) = self.longest_idle() {
            return Some(instance.into_permit());
        }
        deadline.limit(self.permits.clone().acquire_owned()).await.ok()?.ok()
    }

    /// The idle instances of a new revision.
    pub(crate) fn idle(&self) -> Arc<Idle> {
        let idle = Arc::new(Idle { instances: Mutex::default(), waiting: self.waiting.clone() });
        let mut all = self.lock();
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&idle));
        idle
    }

    /// An idle instance of the revision that has most of them, the one that it would use last.
    fn longest_idle(&self) -> Option<Instance> {
        let mut all = self.all();
        all.sort_by_cached_key(|idle| Reverse(idle.lock().len()));
        all.iter().find_map(|idle| idle.lock().pop_front())
    }

    /// The idle instance with the most memory, and its list. Other instances can be taken
    /// concurrently.
    fn largest_idle(&self) -> Option<(Arc<Idle>, Instance)> {
        let mut all = self.all();
        all.sort_by_cached_key(|idle| Reverse(idle.largest_bytes()));
        all.into_iter().find_map(|idle| idle.take_largest().map(|instance| (idle, instance)))
    }

    fn all(&self) -> Vec<Arc<Idle>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// A budget without limits.
    #[cfg(test)]
    pub(crate) fn of_test() -> Arc<Self> {
        Arc::new(Self::new(u32::MAX >> 4, MemoryBudget::new(usize::MAX)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The idle instances of one revision. Last in, first out: the one that was used last has its
/// memory in the processor's cache.
pub(crate) struct Idle {
    instances: Mutex<VecDeque<Instance>>,
    waiting: Arc<AtomicUsize>,
}

impl Idle {
    pub(crate) fn take(&self) -> Option<Instance> {
        self.lock().pop_back()
    }

    fn largest_bytes(&self) -> usize {
        self.lock().iter().map(Instance::guest_bytes).max().unwrap_or(0)
    }

    fn take_largest(&self) -> Option<Instance> {
        let mut instances = self.lock();
        let sizes = instances.iter().map(Instance::guest_bytes).enumerate();
        let (index, _) = sizes.max_by_key(|(_, bytes)| *bytes)?;
        instances.remove(index)
    }

    /// Instances that have grown and have not been used for some time.
    fn take_grown(&self, now: Instant) -> Vec<Instance> {
        let mut taken = Vec::new();
        let mut instances = self.lock();
        for instance in std::mem::take(&mut *instances) {
            let unused = instance.grown_since.map(|since| now.saturating_duration_since(since));
            match unused {
                Some(unused) if unused >= GROWN_IDLE_MAX => taken.push(instance),
                _ => instances.push_back(instance),
            }
        }
        taken
    }

    /// Keeps it for the next call, unless there are enough or others need its permit.
    pub(crate) fn keep(&self, mut instance: Instance) {
        instance.grown_since = instance.has_grown().then(Instant::now);
        let mut instances = self.lock();
        if instances.len() < IDLE_MAX && self.waiting.load(Ordering::Relaxed) == 0 {
            instances.push_back(instance);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
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
