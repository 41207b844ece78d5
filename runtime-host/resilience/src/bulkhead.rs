//! A limit for concurrent calls and for calls that wait.
//!
//! A callee that hangs blocks at most as many calls as its bulkhead has permits. Further calls wait
//! in a queue until their deadline and are then refused. The queue is bounded by its length, and
//! also by time if there is a bound for that. A waiter that is canceled or times out leaves the
//! queue at once and never gets a permit.
//!
//! The queue is fair: it serves its clients in turn, so a client with many calls delays another
//! client by one call and not by all of them. If the queue is full, a client with fewer waiters
//! displaces the newest waiter of the client with the most.
//!
//! Background calls give way to others, and are refused when many calls wait. Health checks have a
//! few permits of their own.

mod queue;
mod state;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::state::{Grant, Place, Slot, State};
use crate::{Deadline, Priority, codel};

/// The size of a bulkhead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Concurrent calls; at least 1.
    pub concurrency_max: usize,
    /// The least limit for concurrent calls, if the limit follows their latency.
    pub concurrency_min: Option<usize>,
    /// Calls that wait for a permit; with 0, a call is refused at once if no permit is free.
    pub queue_length_max: usize,
    /// How long calls wait for a permit; with `None`, until their deadline.
    pub queue_wait: Option<codel::Options>,
}

/// Permits for calls. Clones share the permits.
#[derive(Clone)]
pub struct Bulkhead {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    state: Mutex<State>,
}

/// Who asks for a permit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// All calls without a client count as calls of one client.
    pub client: Option<IpAddr>,
    /// How urgent the call is.
    pub priority: Priority,
}

/// Permission to run a call. Dropping it releases it.
#[must_use = "the permit is released as soon as it is dropped"]
pub struct Permit {
    shared: Arc<Shared>,
    slot: Slot,
}

/// A call whose latency moves the limit for concurrent calls. Dropping it leaves the limit as it is.
pub struct Sample {
    shared: Arc<Shared>,
    begun: Instant,
    running: usize,
}

/// Why no permit was granted. The call was not made, so it can be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AcquireError {
    /// All permits are in use and the queue is full.
    #[error("too many calls are waiting")]
    QueueFull,
    /// A background call gave way to others.
    #[error("background calls give way while many calls are waiting")]
    Shed,
    /// The deadline passed while the call waited, or it waited for too long.
    #[error("the call waited too long for a permit")]
    WaitedTooLong,
    /// The deadline had passed before.
    #[error("the deadline has passed")]
    DeadlineExceeded,
}

impl Bulkhead {
    /// A bulkhead with all permits available. A `concurrency_max` of 0 counts as 1.
    pub fn new(options: Options) -> Self {
        let options = Options { concurrency_max: options.concurrency_max.max(1), ..options };
        let state = Mutex::new(State::new(&options));
        Self { shared: Arc::new(Shared { options, state }) }
    }

    /// Takes a permit for a call. If none is available and the queue has room, waits for one until
    /// the deadline.
    ///
    /// # Errors
    /// The queue is full, the call gave way, it waited for too long, or the deadline has passed.
    pub async fn acquire(
        &self,
        caller: impl Into<Caller>,
        deadline: Deadline,
    ) -> Result<Permit, AcquireError> {
        if deadline.is_expired() {
            return Err(AcquireError::DeadlineExceeded);
        }
        let mut waiter = match self.shared.enter(caller.into())? {
            Entered::Running(permit) => return Ok(permit),
            Entered::Waiting(waiter) => waiter,
        };
        let wait_max = self.shared.options.queue_wait.map(|wait| wait.longest_wait());
        let end = wait_max.map_or(deadline, |wait| deadline.min(Deadline::after(wait)));
        match end.limit(&mut waiter.grant).await {
            Ok(Ok(grant)) => {
                waiter.received = true;
                grant?;
                let permit = Permit { shared: self.shared.clone(), slot: Slot::Ordinary };
                // A permit that came too late goes to the next waiter.
                if deadline.is_expired() { Err(AcquireError::WaitedTooLong) } else { Ok(permit) }
            }
            _ => Err(AcquireError::WaitedTooLong),
        }
    }

    /// The number of calls with a permit.
    pub fn running(&self) -> usize {
        self.shared.state.lock().running()
    }

    /// The number of calls that wait for a permit.
    pub fn queued(&self) -> usize {
        self.shared.state.lock().queued()
    }

    /// The limit for concurrent calls now.
    pub fn limit(&self) -> usize {
        self.shared.state.lock().limit()
    }

    /// The size of this bulkhead.
    pub fn options(&self) -> Options {
        self.shared.options
    }
}

impl From<Option<IpAddr>> for Caller {
    fn from(client: Option<IpAddr>) -> Self {
        Self { client, priority: Priority::default() }
    }
}

enum Entered {
    Running(Permit),
    Waiting(Waiter),
}

impl Shared {
    /// Takes a permit, or enters the queue.
    fn enter(self: &Arc<Self>, caller: Caller) -> Result<Entered, AcquireError> {
        let mut state = self.state.lock();
        if let Some(slot) = state.take(caller.priority) {
            return Ok(Entered::Running(Permit { shared: self.clone(), slot }));
        }
        let (sender, grant) = oneshot::channel();
        let place = state.wait(caller, sender, &self.options)?;
        Ok(Entered::Waiting(Waiter { shared: self.clone(), place, grant, received: false }))
    }
}

impl Permit {
    /// The call of this permit as a sample of latency, if the limit follows that.
    pub fn sample(&self) -> Option<Sample> {
        self.shared.options.concurrency_min?;
        let running = self.shared.state.lock().running();
        Some(Sample { shared: self.shared.clone(), begun: Instant::now(), running })
    }
}

impl Sample {
    /// The callee has answered.
    pub fn answered(self) {
        self.shared.state.lock().answered(self.begun.elapsed(), self.running);
    }

    /// The callee has too many calls: it said so, or missed the deadline.
    pub fn overloaded(self) {
        self.shared.state.lock().overloaded();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.state.lock().release(self.slot);
    }
}

/// A call in the queue. Dropping it removes it.
struct Waiter {
    shared: Arc<Shared>,
    place: Place,
    grant: oneshot::Receiver<Grant>,
    /// The grant was received.
    received: bool,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.received {
            return;
        }
        let mut state = self.shared.state.lock();
        // The grant may have been sent and never received.
        if !state.leave(&self.place) && matches!(self.grant.try_recv(), Ok(Ok(()))) {
            state.release(Slot::Ordinary);
        }
    }
}
