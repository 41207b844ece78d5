//! How many calls run and how many wait.
//!
//! A callee that hangs may hold as many calls as its bulkhead has places, and no more: the next
//! ones wait in a queue of bounded length for as long as their deadline allows, then are told to
//! come back. First come, first served; who gives up or runs out of time leaves the queue at once
//! and is never handed a place.
//!
//! Tokio's semaphore does the queueing: it is fair, and a waiter that is dropped takes nothing
//! with it. What it lacks is a bound on the queue and a figure for it, which is what this adds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Deadline;

/// The size of a bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Calls that run at the same time; at least 1, and at most 2^29 on 32-bit machines.
    pub concurrency_max: usize,
    /// Calls that wait for a place; 0 refuses at once when all places are taken.
    pub queue_length_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { concurrency_max: 64, queue_length_max: 256 }
    }
}

/// Places for calls. Clones share the places.
#[derive(Clone)]
pub struct Bulkhead {
    options: Options,
    places: Arc<Semaphore>,
    queued: Arc<AtomicUsize>,
}

/// A place; dropping it, in whatever way, gives it back.
#[must_use = "the place is free again as soon as the permit is dropped"]
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
}

/// Why there was no place. The call was not made, so it is safe to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// All places are taken and the queue is full.
    #[error("too many calls are waiting already")]
    QueueFull,
    /// The deadline passed before a place was free.
    #[error("the deadline passed while the call was waiting for its turn")]
    DeadlineExceeded,
}

impl Bulkhead {
    /// A bulkhead with all places free. A `concurrency_max` of 0 counts as 1.
    pub fn new(options: Options) -> Self {
        let concurrency_max = options.concurrency_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            options: Options { concurrency_max, ..options },
            places: Arc::new(Semaphore::new(concurrency_max)),
            queued: Arc::default(),
        }
    }

    /// Takes a place, waiting for one until the deadline if the queue has room.
    pub async fn acquire(&self, deadline: Deadline) -> Result<Permit, Rejected> {
        if deadline.is_expired() {
            return Err(Rejected::DeadlineExceeded);
        }
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Permit { _place: place });
        }
        let _waiting = Waiting::enter(self)?;
        match deadline.limit(Arc::clone(&self.places).acquire_owned()).await {
            // A place that came too late goes to the next in line.
            Ok(Ok(place)) if !deadline.is_expired() => Ok(Permit { _place: place }),
            _ => Err(Rejected::DeadlineExceeded),
        }
    }

    /// Calls that hold a place now.
    pub fn running(&self) -> usize {
        self.options.concurrency_max - self.places.available_permits()
    }

    /// Calls that wait for a place now.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// The size it was made with.
    pub fn options(&self) -> Options {
        self.options
    }
}

/// A position in the queue, given up on drop.
struct Waiting {
    queued: Arc<AtomicUsize>,
}

impl Waiting {
    fn enter(bulkhead: &Bulkhead) -> Result<Self, Rejected> {
        let max = bulkhead.options.queue_length_max;
        let enter = |queued| (queued < max).then_some(queued + 1);
        bulkhead
            .queued
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter)
            .map_err(|_| Rejected::QueueFull)?;
        Ok(Self { queued: Arc::clone(&bulkhead.queued) })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}
