//! How many calls run and how many wait.
//!
//! A callee that hangs holds at most as many calls as its bulkhead has permits. Further calls wait
//! in a queue of bounded length until their deadline and are then refused. A waiter that gives up
//! or runs out of time leaves the queue at once and never receives a permit.
//!
//! The queue serves its clients in turn, so that a client with many calls delays another client by
//! one call and not by all of them. If the queue is full, a client with fewer waiters displaces the
//! newest waiter of the client with the most.

mod queue;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use self::queue::{Queue, Ticket};
use crate::Deadline;

/// The size of a bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Calls that run at the same time; at least 1.
    pub concurrency_max: usize,
    /// Calls that wait for a permit; with 0, a call is refused at once if no permit is free.
    pub queue_length_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { concurrency_max: 64, queue_length_max: 256 }
    }
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
    queue: Queue<oneshot::Sender<Turn>>,
}

/// What a waiter receives: a permit, or the reason why it gets none.
type Turn = Result<(), Rejected>;

/// Permission to run a call. It is returned when it is dropped.
#[must_use = "the permit is returned as soon as it is dropped"]
pub struct Permit {
    shared: Arc<Shared>,
}

/// Why there was no permit. The call was not made, so it is safe to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// All permits are taken and the queue is full.
    #[error("too many calls are waiting already")]
    QueueFull,
    /// The deadline passed before a permit was free.
    #[error("the deadline passed while the call was waiting for its turn")]
    DeadlineExceeded,
}

impl Bulkhead {
    /// A bulkhead with all permits free. A `concurrency_max` of 0 counts as 1.
    pub fn new(options: Options) -> Self {
        let options = Options { concurrency_max: options.concurrency_max.max(1), ..options };
        let state = Mutex::new(State { running: 0, queue: Queue::new() });
        Self { shared: Arc::new(Shared { options, state }) }
    }

    /// Takes a permit for a call of this client. If none is free and the queue is not full, waits
    /// for one until the deadline. All calls without a client count as calls of one client.
    ///
    /// # Errors
    /// The queue is full, or the deadline has passed.
    pub async fn acquire(
        &self,
        client: Option<IpAddr>,
        deadline: Deadline,
    ) -> Result<Permit, Rejected> {
        if deadline.is_expired() {
            return Err(Rejected::DeadlineExceeded);
        }
        let mut waiter = match self.shared.enter(client)? {
            Entered::Running(permit) => return Ok(permit),
            Entered::Waiting(waiter) => waiter,
        };
        match deadline.limit(&mut waiter.turn).await {
            Ok(Ok(turn)) => {
                waiter.has_turn = true;
                let permit = turn.map(|()| Permit { shared: self.shared.clone() })?;
                // A permit that came too late goes to the next waiter.
                if deadline.is_expired() { Err(Rejected::DeadlineExceeded) } else { Ok(permit) }
            }
            _ => Err(Rejected::DeadlineExceeded),
        }
    }

    /// Calls that hold a permit now.
    pub fn running(&self) -> usize {
        self.shared.lock().running
    }

    /// Calls that wait for a permit now.
    pub fn queued(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// The size it was made with.
    pub fn options(&self) -> Options {
        self.shared.options
    }
}

enum Entered {
    Running(Permit),
    Waiting(Waiter),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit, or a place in the queue.
    fn enter(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Entered, Rejected> {
        let mut state = self.lock();
        // While a permit is free, no call waits.
        if state.running < self.options.concurrency_max {
            state.running += 1;
            return Ok(Entered::Running(Permit { shared: self.clone() }));
        }
        if state.queue.len() >= self.options.queue_length_max {
            let displaced = state.queue.displace(client).ok_or(Rejected::QueueFull)?;
            let _ = displaced.send(Err(Rejected::QueueFull));
        }
        let (sender, turn) = oneshot::channel();
        let ticket = state.queue.push(client, sender);
        Ok(Entered::Waiting(Waiter { shared: self.clone(), client, ticket, turn, has_turn: false }))
    }

    /// Hands a permit over to the next waiter, or frees it.
    fn release(&self) {
        let mut state = self.lock();
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

/// A place in the queue, given up on drop.
struct Waiter {
    shared: Arc<Shared>,
    client: Option<IpAddr>,
    ticket: Ticket,
    turn: oneshot::Receiver<Turn>,
    /// The turn was received.
    has_turn: bool,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.has_turn || self.shared.lock().queue.remove(self.client, self.ticket) {
            return;
        }
        // The turn was sent and never received.
        if let Ok(Ok(())) = self.turn.try_recv() {
            self.shared.release();
        }
    }
}
