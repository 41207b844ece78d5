//! The permits of a bulkhead, and the calls that wait for one.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::queue::{Queue, Ticket};
use super::{AcquireError, Caller, Options};
use crate::Priority;
use crate::codel::Codel;
use crate::gradient::{self, Gradient};

/// Permits that only health checks use, when all others are in use. Further health checks wait like
/// other calls, so that no client gets ahead by pretending to make one.
const HEALTH_PERMITS: usize = 4;
/// While background calls wait, one of them is served after this many others, so that they are late
/// under load, and not never served.
const OTHERS_PER_BACKGROUND: usize = 8;

/// What a permit counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// One of the permits of all calls.
    Ordinary,
    /// One of those that only health checks use.
    Health,
}

/// What a waiter receives: an ordinary permit, or the reason for a refusal.
pub(super) type Grant = Result<(), AcquireError>;

pub(super) struct State {
    concurrency_max: usize,
    /// Calls with an ordinary permit.
    ordinary: usize,
    /// Calls with a permit of health checks. They are counted apart: otherwise a flood of health
    /// checks would take the place of each call that ends, and no call that waits would be served.
    health: usize,
    foreground: Queue<Waiting>,
    background: Queue<Waiting>,
    /// Foreground calls that were served since the last one of the background.
    others: usize,
    codel: Option<Codel>,
    gradient: Option<Gradient>,
    /// The start of the clock of `codel`.
    clock: Instant,
}

struct Waiting {
    grant: oneshot::Sender<Grant>,
    since: Instant,
}

/// The place of a waiter in the queue.
pub(super) struct Place {
    is_background: bool,
    client: Option<IpAddr>,
    ticket: Ticket,
}

impl State {
    pub(super) fn new(options: &Options) -> Self {
        let greatest = options.concurrency_max;
        let gradient = options.concurrency_min.map(|least| gradient::Options { least, greatest });
        Self {
            concurrency_max: options.concurrency_max,
            ordinary: 0,
            health: 0,
            foreground: Queue::new(),
            background: Queue::new(),
            others: 0,
            codel: options.queue_wait.map(Codel::new),
            gradient: gradient.map(Gradient::new),
            clock: Instant::now(),
        }
    }

    pub(super) fn running(&self) -> usize {
        self.ordinary + self.health
    }

    pub(super) fn queued(&self) -> usize {
        self.foreground.len() + self.background.len()
    }

    pub(super) fn limit(&self) -> usize {
        self.gradient.as_ref().map_or(self.concurrency_max, Gradient::limit)
    }

    /// Takes a permit, if there is one. While there is an ordinary one, no call waits.
    pub(super) fn take(&mut self, priority: Priority) -> Option<Slot> {
        if self.ordinary < self.limit() {
            if let Some(codel) = &mut self.codel {
                codel.passed();
            }
            self.ordinary += 1;
            return Some(Slot::Ordinary);
        }
        if priority != Priority::Health || self.health >= HEALTH_PERMITS {
            return None;
        }
        self.health += 1;
        Some(Slot::Health)
    }

    /// Enters the queue.
    pub(super) fn wait(
        &mut self,
        caller: Caller,
        grant: oneshot::Sender<Grant>,
        options: &Options,
    ) -> Result<Place, AcquireError> {
        let Caller { client, priority } = caller;
        let is_background = priority == Priority::Background;
        if is_background {
            self.let_in_background(options)?;
        } else {
            self.make_room(client, options)?;
        }
        let waiting = Waiting { grant, since: Instant::now() };
        let ticket = self.queue(is_background).push(client, waiting);
        Ok(Place { is_background, client, ticket })
    }

    /// Background calls wait while few calls do.
    fn let_in_background(&self, options: &Options) -> Result<(), AcquireError> {
        let stands = self.codel.as_ref().is_some_and(Codel::stands);
        match options.queue_length_max {
            0 => Err(AcquireError::QueueFull),
            max if stands || self.queued() >= max.div_ceil(2) => Err(AcquireError::Shed),
            _ => Ok(()),
        }
    }

    /// If the queue is full, refuses a background call or the call of a client with more waiters.
    fn make_room(&mut self, client: Option<IpAddr>, options: &Options) -> Result<(), AcquireError> {
        if self.queued() < options.queue_length_max {
            return Ok(());
        }
        let (displaced, refusal) = match self.background.pop_newest() {
            Some(displaced) => (Some(displaced), AcquireError::Shed),
            None => (self.foreground.displace(client), AcquireError::QueueFull),
        };
        let displaced = displaced.ok_or(AcquireError::QueueFull)?;
        let _ = displaced.grant.send(Err(refusal));
        Ok(())
    }

    /// Leaves the queue. False if the waiter has left it before.
    pub(super) fn leave(&mut self, place: &Place) -> bool {
        self.queue(place.is_background).remove(place.client, place.ticket)
    }

    /// A permit is given back.
    pub(super) fn release(&mut self, slot: Slot) {
        match slot {
            Slot::Ordinary => self.ordinary -= 1,
            Slot::Health => self.health -= 1,
        }
        self.serve();
    }

    /// A call has ended after this time; this many ran when it began.
    pub(super) fn answered(&mut self, latency: Duration, running: usize) {
        if let Some(gradient) = &mut self.gradient {
            gradient.succeeded(latency, running);
        }
        self.serve();
    }

    pub(super) fn overloaded(&mut self) {
        if let Some(gradient) = &mut self.gradient {
            gradient.overloaded();
        }
    }

    /// Passes free ordinary permits to waiters.
    fn serve(&mut self) {
        while self.ordinary < self.limit() {
            let Some((waiting, is_background)) = self.next() else { return };
            let refused = self.refusal(waiting.since, is_background);
            let grant = refused.map_or(Ok(()), Err);
            if waiting.grant.send(grant).is_ok() && refused.is_none() {
                self.ordinary += 1;
            }
        }
    }

    /// Whether a call that leaves the queue is too late.
    fn refusal(&mut self, since: Instant, is_background: bool) -> Option<AcquireError> {
        let codel = self.codel.as_mut()?;
        if !codel.serves(since.elapsed(), self.clock.elapsed()) {
            return Some(AcquireError::WaitedTooLong);
        }
        (is_background && codel.stands()).then_some(AcquireError::Shed)
    }

    /// Removes the waiter whose turn it is; true for one of the background.
    fn next(&mut self) -> Option<(Waiting, bool)> {
        if self.background.len() > 0
            && (self.foreground.len() == 0 || self.others >= OTHERS_PER_BACKGROUND)
        {
            self.others = 0;
            return Some((self.background.pop()?, true));
        }
        let next = self.foreground.pop()?;
        self.others = if self.background.len() > 0 { self.others + 1 } else { 0 };
        Some((next, false))
    }

    fn queue(&mut self, is_background: bool) -> &mut Queue<Waiting> {
        if is_background { &mut self.background } else { &mut self.foreground }
    }
}
