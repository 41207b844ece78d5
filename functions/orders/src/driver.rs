//! Moves an order's saga on, one durable step after the other.
//!
//! The driver decides nothing: it asks [`saga::next`], writes, asks a participant, writes
//! the answer. Each answer and the decisions that follow from it are one compare-and-swap
//! of the order's value. A process that dies between two writes is replaced by whoever
//! touches the order next. A lease inside the same value keeps two drivers from doing the
//! same work at once; if it fails them, ids and compare-and-swap keep the result right.

use chassis::store::{Store, StoreError};

use crate::domain::saga::{self, Action, Next};
use crate::domain::{Event, Order, Recorded, Status};
use crate::ports::{Clock, Participants};
use crate::records::{Lease, Loaded, Records};

/// How long a driver may be silent before another may take over, in milliseconds. Longer
/// than any single call of a participant takes.
pub const LEASE_MS: u64 = 12_000;
/// Moves of one drive: twice as many as the longest saga without retries has.
const MOVES_MAX: u32 = 48;
/// How often a drive starts over because somebody else wrote the order meanwhile.
const CONFLICTS_MAX: u32 = 16;

/// How a drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing left to do.
    Settled(Order),
    /// Something is left, but not now: the budget is used up or a backoff is running.
    Unfinished(Order),
    /// Another driver is at it.
    Busy(Order),
}

impl Outcome {
    /// The order as it is after the drive.
    pub fn into_order(self) -> Order {
        match self {
            Self::Settled(order) | Self::Unfinished(order) | Self::Busy(order) => order,
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
                Next::Settled => return None,
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
}

impl<S: Store, P: Participants, C: Clock> Driver<'_, S, P, C> {
    /// Moves the order on until it is settled or `until_ms` comes. A move that is due now is
    /// made in any case: reading the order may have taken all the time there was. None if
    /// there is no such order.
    pub async fn resume(&self, id: &str, until_ms: u64) -> Result<Option<Outcome>, StoreError> {
        for _ in 0..CONFLICTS_MAX {
            let Some(loaded) = self.records.load(id).await? else { return Ok(None) };
            if loaded.is_leased_to_other(self.owner, self.clock.now_ms()) {
                return Ok(Some(Outcome::Busy(loaded.order)));
            }
            if let Some(outcome) = self.drive(loaded, until_ms).await? {
                return Ok(Some(outcome));
            }
        }
        let loaded = self.records.load(id).await?;
        Ok(loaded.map(|loaded| Outcome::Unfinished(loaded.order)))
    }

    async fn drive(&self, mut loaded: Loaded, until_ms: u64) -> Result<Ended, StoreError> {
        let mut draft = Draft::of(&loaded);
        for moves in 0..MOVES_MAX {
            let now_ms = self.clock.now_ms();
            let Some(action) = draft.decide(now_ms) else {
                return self.settle(loaded, draft).await;
            };
            let start_ms = draft.order.saga.not_before_ms.max(now_ms);
            // Nobody waits for courtesies once the fate of the order is known.
            let decided =
                draft.order.status != Status::Pending && draft.order.saga.undoing.is_none();
            let late = start_ms > until_ms && (moves > 0 || start_ms > now_ms);
            if late || (start_ms > now_ms && decided) {
                return self.pause(loaded, draft).await;
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
        self.pause(loaded, draft).await
    }

    /// Writes what is decided and holds the lease. False if somebody else was faster.
    async fn write(
        &self,
        loaded: &mut Loaded,
        draft: &mut Draft,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let lease = Lease { owner: self.owner.to_owned(), until_ms: now_ms + LEASE_MS };
        if draft.events.is_empty() && loaded.is_leased_to(self.owner, now_ms + LEASE_MS / 2) {
            return Ok(true);
        }
        self.records.append(loaded, std::mem::take(&mut draft.events), Some(lease)).await
    }

    async fn settle(&self, mut loaded: Loaded, draft: Draft) -> Result<Ended, StoreError> {
        let changed = !draft.events.is_empty() || loaded.record.lease.is_some();
        if changed && !self.records.append(&mut loaded, draft.events, None).await? {
            return Ok(None);
        }
        if changed {
            self.records.close(&draft.order.placed.id).await?;
        }
        Ok(Some(Outcome::Settled(draft.order)))
    }

    async fn pause(&self, mut loaded: Loaded, draft: Draft) -> Result<Ended, StoreError> {
        let changed = !draft.events.is_empty() || loaded.record.lease.is_some();
        if changed && !self.records.append(&mut loaded, draft.events, None).await? {
            return Ok(None);
        }
        Ok(Some(Outcome::Unfinished(draft.order)))
    }
}
