//! Moves an order's saga on, one durable step after the other.
//!
//! The driver decides nothing: it asks [`saga::next`], writes, asks a participant, writes
//! the answer. Each answer and the decisions that follow from it are one compare-and-swap
//! of the order's value, and so is what others are to hear of them. A process that dies
//! between two writes is replaced by whoever touches the order next. A lease inside the same
//! value keeps two drivers from doing the same work at once; if it fails them, ids and
//! compare-and-swap keep the result right: an answer counts only for an order that is still
//! as it was when the question was asked.

use chassis::store::{Store, StoreError};

use crate::domain::saga::{self, Action, Next};
use crate::domain::{Event, Order, Recorded, Status};
use crate::ports::{Clock, Participants};
use crate::records::{Lease, Loaded, Records};

/// How long a driver may be silent before another may take over, in milliseconds, where the
/// host says nothing else. Longer than any single call of a participant takes.
pub const LEASE_MS: u64 = 12_000;
/// Moves of one drive: twice as many as the longest saga without retries has.
const MOVES_MAX: u32 = 48;
/// How often a drive starts over because somebody else wrote the order meanwhile.
const CONFLICTS_MAX: u32 = 16;

/// Events that are published at once: few, since each holds a whole order.
const PUBLISHED_MAX: usize = 4;

/// How a drive ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// There is nothing left to do, and everything is published.
    Settled(Loaded),
    /// Something is left, but not now: the budget is used up, a backoff is running, or
    /// events can't be published.
    Unfinished(Loaded),
    /// A person must look at it.
    Parked(Loaded),
    /// Another driver is at it.
    Busy(Loaded),
}

impl Outcome {
    /// The order as it is after the drive.
    pub fn into_loaded(self) -> Loaded {
        match self {
            Self::Settled(loaded)
            | Self::Unfinished(loaded)
            | Self::Parked(loaded)
            | Self::Busy(loaded) => loaded,
        }
    }
}

/// An order with events that are decided but not yet written.
struct Draft {
    order: Order,
    events: Vec<Recorded>,
}

impl Draft {
    fn of(loaded: &Loaded) -> Self {
        Self { order: loaded.order.clone(), events: Vec::new() }
    }

    fn push(&mut self, event: Event, at_ms: u64) {
        let recorded = Recorded { sequence: self.order.version + 1, at_ms, event };
        self.order.apply(&recorded);
        self.events.push(recorded);
    }

    /// Takes all decisions that need nobody; then the action that is due, if any.
    fn decide(&mut self, now_ms: u64) -> Option<Action> {
        loop {
            match saga::next(&self.order, now_ms) {
                Next::Record(event) => self.push(event, now_ms),
                Next::Act(action) => return Some(action),
                Next::Settled | Next::Parked => return None,
            }
        }
    }
}

/// How one drive ended; none if somebody else has written the order meanwhile, so that it
/// must be read again.
type Ended = Option<Outcome>;

/// Moves orders on, in the name of one owner of leases.
pub struct Driver<'a, S, P, C> {
    /// Where orders lie.
    pub records: &'a Records<S>,
    /// Whom actions are asked of.
    pub participants: &'a P,
    /// The time, and waits between tries.
    pub clock: &'a C,
    /// Who holds the leases; unique for each request.
    pub owner: &'a str,
    /// How long a lease holds, in milliseconds.
    pub lease_ms: u64,
    /// The run of the host that the owner belongs to, if the host has run numbers.
    pub incarnation: Option<u64>,
}

impl<S: Store, P: Participants, C: Clock> Driver<'_, S, P, C> {
    /// Moves the order on until it is settled or `until_ms` comes. A move that is due now is
    /// made in any case: reading the order may have taken all the time there was. None if
    /// there is no such order.
    pub async fn resume(&self, id: &str, until_ms: u64) -> Result<Option<Outcome>, StoreError> {
        match self.records.load(id).await? {
            Some(loaded) => self.go_on(loaded, until_ms).await,
            None => Ok(None),
        }
    }

    /// [`Driver::resume`] for an order that was just read.
    pub async fn go_on(
        &self,
        mut loaded: Loaded,
        until_ms: u64,
    ) -> Result<Option<Outcome>, StoreError> {
        let id = loaded.order.placed.id.clone();
        for _ in 0..CONFLICTS_MAX {
            if loaded.is_leased_to_other(self.owner, self.incarnation, self.clock.now_ms()) {
                return Ok(Some(Outcome::Busy(loaded)));
            }
            if let Some(outcome) = self.drive(loaded, until_ms).await? {
                return Ok(Some(outcome));
            }
            match self.records.load(&id).await? {
                Some(fresh) => loaded = fresh,
                None => return Ok(None),
            }
        }
        Ok(Some(Outcome::Unfinished(loaded)))
    }

    async fn drive(&self, mut loaded: Loaded, until_ms: u64) -> Result<Ended, StoreError> {
        let mut draft = Draft::of(&loaded);
        for moves in 0..MOVES_MAX {
            let now_ms = self.clock.now_ms();
            let Some(action) = draft.decide(now_ms) else {
                return self.finish(loaded, draft).await;
            };
            let start_ms = draft.order.saga.not_before_ms.max(now_ms);
            // Nobody waits for courtesies once the fate of the order is known.
            let decided =
                draft.order.status != Status::Pending && draft.order.saga.undoing.is_none();
            let late = start_ms > until_ms && (moves > 0 || start_ms > now_ms);
            if late || (start_ms > now_ms && decided) {
                return self.finish(loaded, draft).await;
            }
            if !self.write(&mut loaded, &mut draft, now_ms).await? {
                return Ok(None);
            }
            if start_ms > now_ms {
                self.clock.sleep(start_ms - now_ms).await;
            }
            let answer = self.participants.perform(action, &draft.order).await;
            let event = saga::conclude(&draft.order, action, answer);
            draft.push(event, self.clock.now_ms());
        }
        self.finish(loaded, draft).await
    }

    /// The lease of this driver, starting now.
    pub fn lease(&self, now_ms: u64) -> Lease {
        let (owner, until_ms) = (self.owner.to_owned(), now_ms + self.lease_ms);
        Lease { owner, until_ms, incarnation: self.incarnation }
    }

    /// Writes what is decided and holds the lease. False if somebody else was faster.
    async fn write(
        &self,
        loaded: &mut Loaded,
        draft: &mut Draft,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        if draft.events.is_empty() && loaded.is_leased_to(self.owner, now_ms + self.lease_ms / 2) {
            return Ok(true);
        }
        let lease = self.lease(now_ms);
        self.records.append(loaded, &std::mem::take(&mut draft.events), Some(lease)).await
    }

    /// Writes the decisions, releases the lease, and publishes the events. If the order has ended
    /// and the customer has deleted their account, the address is erased.
    async fn finish(&self, mut loaded: Loaded, draft: Draft) -> Result<Ended, StoreError> {
        let changed = !draft.events.is_empty() || loaded.record.lease.is_some();
        if changed && !self.records.append(&mut loaded, &draft.events, None).await? {
            return Ok(None);
        }
        let published = self.publish(&mut loaded).await?;
        self.records.erase_if_forgotten(&mut loaded).await?;
        if loaded.order.version != draft.order.version {
            return Ok(None);
        }
        let id = &loaded.order.placed.id;
        Ok(Some(match saga::next(&loaded.order, self.clock.now_ms()) {
            Next::Parked if published => {
                if changed {
                    eprintln!("orders: {id} is parked: {}", reason(&loaded.order));
                }
                Outcome::Parked(loaded)
            }
            Next::Settled if published => Outcome::Settled(loaded),
            _ => Outcome::Unfinished(loaded),
        }))
    }

    /// Publishes what the order's outbox holds, then empties it. Whoever dies in between is
    /// followed by another who publishes the same again, under the same ids. False if not
    /// all of it could be published.
    async fn publish(&self, loaded: &mut Loaded) -> Result<bool, StoreError> {
        let id = loaded.order.placed.id.clone();
        for _ in 0..CONFLICTS_MAX {
            let pending = loaded.record.outbox.pending().iter().take(PUBLISHED_MAX);
            let pending: Vec<_> = pending.cloned().collect();
            let Some(last) = pending.last().and_then(|event| event.sequence()) else {
                return Ok(true);
            };
            if let Err(error) = self.participants.publish(&pending).await {
                eprintln!("orders: events of {id} are not published: {error}");
                return Ok(false);
            }
            let mut record = loaded.record.clone();
            record.outbox.settle(last);
            if self.records.extend(loaded, record, &[]).await? {
                continue;
            }
            match self.records.load(&id).await? {
                Some(fresh) => *loaded = fresh,
                None => return Ok(false),
            }
        }
        Ok(loaded.record.outbox.is_empty())
    }
}

fn reason(order: &Order) -> &str {
    order.saga.parked.as_deref().unwrap_or_default()
}
