//! A limit for concurrent calls and for calls that wait.
//!
//! A callee that hangs blocks at most as many calls as its bulkhead has permits. Further calls wait
//! in a queue of bounded length until their deadline and are then refused. A waiter that is
//! canceled or times out leaves the queue at once and never gets a permit.
//!
//! The queue is fair: it serves its clients in turn, so a client with many calls delays another
//! client by one call and not by all of them. If the queue is full, a client with fewer waiters
//! displaces the newest waiter of the client with the most.

mod queue;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use self::queue::{Queue, Ticket};
use crate::Deadline;

/// The size of a bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Concurrent calls; at least 1.
    pub concurrency_max: usize,
    /// Calls that wait for a permit; with 0, a call is refused at once if no permit is free.
    pub queue_length_max: usize,
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

struct State {
    running: usize,
    queue: Queue<oneshot::Sender<Grant>>,
}

/// What a waiter receives: a permit, or the reason for a refusal.
type Grant = Result<(), AcquireError>;

/// Permission to run a call. Dropping it releases it.
#[must_use = "the permit is released as soon as it is dropped"]
pub struct Permit {
    shared: Arc<Shared>,
}

/// Why no permit was granted. The call was not made, so it can be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AcquireError {
    /// All permits are in use and the queue is full.
    #[error("too many calls are waiting")]
    QueueFull,
    /// The deadline passed before a permit was available.
    #[error("the deadline passed while the call was waiting for a permit")]
    DeadlineExceeded,
}

impl Bulkhead {
    /// A bulkhead with all permits available. A `concurrency_max` of 0 counts as 1.
    pub fn new(options: Options) -> Self {
        let options = Options { concurrency_max: options.concurrency_max.max(1), ..options };
        let state = Mutex::new(State { running: 0, queue: Queue::new() });
        Self { shared: Arc::new(Shared { options, state }) }
    }

    /// Takes a permit for a call of this client. If none is available and the queue is not full,
    /// waits for one until the deadline. All calls without a client count as calls of one client.
    ///
    /// # Errors
    /// The queue is full, or the deadline has passed.
    pub async fn acquire(
        &self,
        client: Option<IpAddr>,
        deadline: Deadline,
    ) -> Result<Permit, AcquireError> {
        if deadline.is_expired() {
            return Err(AcquireError::DeadlineExceeded);
        }
        let mut waiter = match self.shared.enter(client)? {
            Entered::Running(permit) => return Ok(permit),
            Entered::Waiting(waiter) => waiter,
        };
        match deadline.limit(&mut waiter.grant).await {
            Ok(Ok(grant)) => {
                waiter.received = true;
                let permit = grant.map(|()| Permit { shared: self.shared.clone() })?;
                // A permit that came too late goes to the next waiter.
                if deadline.is_expired() { Err(AcquireError::DeadlineExceeded) } else { Ok(permit) }
            }
            _ => Err(AcquireError::DeadlineExceeded),
        }
    }

    /// The number of calls with a permit.
    pub fn running(&self) -> usize {
        self.shared.state.lock().running
    }

    /// The number of calls that wait for a permit.
    pub fn queued(&self) -> usize {
        self.shared.state.lock().queue.len()
    }

    /// The size of this bulkhead.
    pub fn options(&self) -> Options {
        self.shared.options
    }
}

enum Entered {
    Running(Permit),
    Waiting(Waiter),
}

impl Shared {
    /// Takes a permit, or enters the queue.
    fn enter(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Entered, AcquireError> {
        let mut state = self.state.lock();
        // While a permit is available, no call waits.
        if state.running < self.options.concurrency_max {
            state.running += 1;
            return Ok(Entered::Running(Permit { shared: self.clone() }));
        }
        if state.queue.len() >= self.options.queue_length_max {
            let displaced = state.queue.displace(client).ok_or(AcquireError::QueueFull)?;
            let _ = displaced.send(Err(AcquireError::QueueFull));
        }
        let (sender, grant) = oneshot::channel();
        let ticket = state.queue.push(client, sender);
        let shared = self.clone();
        Ok(Entered::Waiting(Waiter { shared, client, ticket, grant, received: false }))
    }

    /// Passes a permit to the next waiter, or makes it available.
    fn release(&self) {
        let mut state = self.state.lock();
        while let Some(waiter) = state.queue.pop() {
            if waiter.send(Ok(())).is_ok() {
                return;
            }
        }
        state.running -= 1;
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.release();
    }
}

/// A call in the queue. Dropping it removes it.
struct Waiter {
    shared: Arc<Shared>,
    client: Option<IpAddr>,
    ticket: Ticket,
    grant: oneshot::Receiver<Grant>,
    /// The grant was received.
    received: bool,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.received || self.shared.state.lock().queue.remove(self.client, self.ticket) {
            return;
        }
        // The grant was sent and never received.
        if let Ok(Ok(())) = self.grant.try_recv() {
            self.shared.release();
        }
    }
}
