//! The idle instances of one revision.

use super::budget::{IDLE_MAX, IdleInstances};
use super::guest_state::GuestState;
use super::instance::Instance;
use crate::telemetry::random;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tessera_resilience::Choice;
use tokio::sync::OwnedSemaphorePermit;

/// How long an idle instance is kept whose memory has grown.
const GROWN_IDLE_MAX: Duration = Duration::from_secs(10);

/// Last in, first out: the one that was used last has its memory in the processor's cache.
pub(crate) struct Idle<G: GuestState> {
    instances: Mutex<VecDeque<Instance<G>>>,
    /// Calls of any component that wait for an instance.
    waiting: Arc<AtomicUsize>,
    /// How long an instance stays idle, in nanoseconds.
    idle_max_ns: Option<Choice>,
}

impl<G: GuestState> Idle<G> {
    pub(crate) fn new(waiting: Arc<AtomicUsize>, idle_max_ns: Option<Choice>) -> Self {
        Self { instances: Mutex::default(), waiting, idle_max_ns }
    }

    pub(crate) fn take(&self) -> Option<Instance<G>> {
        let instance = self.instances.lock().pop_back();
        instance.filter(|instance| !is_past(instance.idle_until, Instant::now()))
    }

    /// Keeps it for the next call, unless there are enough or others need its permit.
    pub(crate) fn keep(&self, mut instance: Instance<G>) {
        instance.grown_since = instance.has_grown().then(Instant::now);
        instance.idle_until = self.idle_max_ns.and_then(|choice| {
            Instant::now().checked_add(Duration::from_nanos(choice.choose(random())))
        });
        let mut instances = self.instances.lock();
        if instances.len() < IDLE_MAX && self.waiting.load(Ordering::Relaxed) == 0 {
            instances.push_back(instance);
        }
    }

    fn take_largest(&self) -> Option<Instance<G>> {
        let mut instances = self.instances.lock();
        let sizes = instances.iter().map(Instance::guest_bytes).enumerate();
        let (index, _) = sizes.max_by_key(|(_, bytes)| *bytes)?;
        instances.remove(index)
    }

    /// Instances that have been idle for too long. One that has grown is not kept for long.
    fn take_unused(&self, now: Instant) -> Vec<Instance<G>> {
        let mut taken = Vec::new();
        let mut instances = self.instances.lock();
        for instance in std::mem::take(&mut *instances) {
            let unused = instance.grown_since.map(|since| now.saturating_duration_since(since));
            match unused {
                Some(unused) if unused >= GROWN_IDLE_MAX => taken.push(instance),
                _ if is_past(instance.idle_until, now) => taken.push(instance),
                _ => instances.push_back(instance),
            }
        }
        taken
    }
}

fn is_past(time: Option<Instant>, now: Instant) -> bool {
    time.is_some_and(|time| time <= now)
}

impl<G: GuestState> IdleInstances for Idle<G> {
    fn count(&self) -> usize {
        self.instances.lock().len()
    }

    fn largest_bytes(&self) -> usize {
        self.instances.lock().iter().map(Instance::guest_bytes).max().unwrap_or(0)
    }

    fn end_unused(&self, now: Instant) {
        // Dropped after the lock is released.
        let unused = self.take_unused(now);
        drop(unused);
    }

    fn end_longest(&self) -> Option<OwnedSemaphorePermit> {
        let instance = self.instances.lock().pop_front()?;
        Some(instance.into_permit())
    }

    fn end_largest(&self) -> Option<bool> {
        let instance = self.take_largest()?;
        let (sender, receiver) = mpsc::channel();
        let end = move || drop(receiver.recv());
        let Ok(thread) = thread::Builder::new().name("end".into()).spawn(end) else {
            // The system can't create a thread. The instance can still be used.
            self.instances.lock().push_front(instance);
            return Some(false);
        };
        Some(sender.send(instance).is_ok() && thread.join().is_ok())
    }
}
