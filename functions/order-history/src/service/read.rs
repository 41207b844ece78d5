//! Queries of orders.

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};

use super::OrderHistory;
use crate::domain::{Entry, Filter, Position, SortKey, day_of};
use crate::ports::EventLog;
use crate::records::{Generation, Owner};

/// How long a reader waits for an event that is not processed yet, in milliseconds.
pub const POSITION_WAIT_MAX_MS: u64 = 500;
/// How far an order may be ahead of the projection for a reader to wait, in events. An order has
/// about ten events in all.
pub const POSITION_AHEAD_MAX: u64 = 16;
/// The maximum age of an order that the projection does not know yet, for a reader to wait for it.
/// The id contains the time. Milliseconds.
pub const POSITION_NEW_MAX_MS: u64 = 10_000;
/// The interval of checks during the wait, in milliseconds.
pub const POSITION_POLL_MS: u64 = 50;
/// The maximum number of orders that are read for one page. A filter that few orders match results
/// in shorter pages, each with a cursor.
pub const SCANNED_MAX: usize = 500;

/// A query of a page of orders.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The customer; all customers if none.
    pub user_id: Option<String>,
    /// The filter.
    pub filter: Filter,
    /// Only those placed before this one.
    pub before: Option<SortKey>,
    /// The maximum number of orders.
    pub limit: usize,
}

/// A page of orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    /// The orders.
    pub entries: Vec<Entry>,
    /// `before` of the next page; none at the end.
    pub next: Option<SortKey>,
}

/// Why the position was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The event was not processed within [`POSITION_WAIT_MAX_MS`].
    Behind,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store, L: EventLog, C: Timer> OrderHistory<S, L, C> {
    /// The order, if there is one.
    pub async fn find(&self, order_id: &str) -> Result<Option<Entry>, StoreError> {
        self.serving().await?.entry(order_id).await
    }

    /// Waits until this event of an order is processed. Returns the position of the order. Orders
    /// that `reader` may not see (none: sees all) are treated like unknown ones.
    ///
    /// A wait occupies an instance. So readers only wait for events that can arrive soon, and each
    /// caller waits for one event at a time; otherwise [`ReadError::Behind`] is returned at once.
    pub async fn wait_for(
        &self,
        position: &Position,
        reader: Option<&str>,
        caller: &str,
    ) -> Result<Position, ReadError> {
        let began_ms = self.clock.now_ms();
        if let Some(reached) = self.reached(position, reader, began_ms).await? {
            return reached;
        }
        if !self.begin_wait(caller, began_ms).await? {
            return Err(ReadError::Behind);
        }
        let reached = self.wait(position, reader, began_ms).await;
        self.end_wait(caller, began_ms).await?;
        reached
    }

    async fn wait(
        &self,
        position: &Position,
        reader: Option<&str>,
        began_ms: u64,
    ) -> Result<Position, ReadError> {
        loop {
            self.clock.sleep(POSITION_POLL_MS).await;
            let now_ms = self.clock.now_ms();
            match self.reached(position, reader, now_ms).await? {
                Some(reached) => return reached,
                None if now_ms >= began_ms.saturating_add(POSITION_WAIT_MAX_MS) => {
                    return Err(ReadError::Behind);
                }
                None => {}
            }
        }
    }

    /// The order, if it has reached the position, or the error that it won't soon; `None` if it
    /// may.
    async fn reached(
        &self,
        position: &Position,
        reader: Option<&str>,
        now_ms: u64,
    ) -> Result<Option<Result<Position, ReadError>>, StoreError> {
        let may_come = match self.find(&position.order_id).await? {
            Some(entry) if reader.is_some_and(|user_id| entry.order.user_id != user_id) => false,
            Some(entry) if entry.sequence >= position.sequence => {
                return Ok(Some(Ok(entry.position())));
            }
            Some(entry) => position.sequence - entry.sequence <= POSITION_AHEAD_MAX,
            None => {
                let is_new = position.age_ms(now_ms).is_some_and(|age| age <= POSITION_NEW_MAX_MS);
                is_new && position.sequence <= POSITION_AHEAD_MAX
            }
        };
        Ok((!may_come).then_some(Err(ReadError::Behind)))
    }

    /// The newest orders that match.
    pub async fn list(&self, query: &Query) -> Result<OrderPage, StoreError> {
        let generation = self.serving().await?;
        let owner = query.user_id.as_deref().map_or(Owner::All, Owner::User);
        let mut days = generation.days(owner).await?;
        days.retain(|day| query.may_have(day));
        let mut scan = Scan { query, entries: Vec::new(), last: None, scanned: 0 };
        for day in days.iter().rev() {
            let sort_keys = generation.sort_keys(owner, day).await?;
            for key in sort_keys.into_iter().rev().filter(|key| query.reaches(key)) {
                if let Some(next) = scan.look(&generation, key).await? {
                    return Ok(OrderPage { entries: scan.entries, next: Some(next) });
                }
            }
        }
        Ok(OrderPage { entries: scan.entries, next: None })
    }

    /// The name of the user, if it is known.
    pub async fn name_of(&self, user_id: &str) -> Result<Option<String>, StoreError> {
        let name = self.serving().await?.name(user_id).await?;
        // The name of a deleted account is empty.
        Ok(name.filter(|name| !name.is_empty()))
    }
}

impl Query {
    fn may_have(&self, day: &str) -> bool {
        let ends = self.before.as_ref().map(|key| key.0).into_iter();
        let ends = ends.chain(self.filter.to_ms.map(|ms| ms.saturating_sub(1)));
        ends.map(day_of).all(|last| *day <= *last)
            && self.filter.from_ms.is_none_or(|from_ms| *day >= *day_of(from_ms))
    }

    fn reaches(&self, key: &SortKey) -> bool {
        self.before.as_ref().is_none_or(|before| key < before) && self.filter.spans(key.0)
    }
}

struct Scan<'a> {
    query: &'a Query,
    entries: Vec<Entry>,
    /// The last order that was processed.
    last: Option<SortKey>,
    scanned: usize,
}

impl Scan<'_> {
    /// Processes the next order. Returns the end of the page if the page ends before it.
    async fn look<S: Store>(
        &mut self,
        generation: &Generation<S>,
        key: SortKey,
    ) -> Result<Option<SortKey>, StoreError> {
        if self.scanned >= SCANNED_MAX {
            return Ok(self.last.take());
        }
        self.scanned += 1;
        let entry = generation.entry(&key.1).await?;
        if let Some(entry) = entry.filter(|entry| self.query.filter.accepts(entry)) {
            if self.entries.len() >= self.query.limit {
                return Ok(self.last.take());
            }
            self.entries.push(entry);
        }
        self.last = Some(key);
        Ok(None)
    }
}
