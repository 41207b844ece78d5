//! Reading orders: one, or the newest that fit.

use chassis::store::{Store, StoreError};

use super::OrderHistory;
use crate::domain::{Entry, Filter, Place, Position, day_of};
use crate::ports::{Clock, EventLog};
use crate::projection::{Generation, Owner};

/// How long a reader waits for an event that the projection has not taken in yet. Milliseconds.
pub const POSITION_WAIT_MAX_MS: u64 = 2_000;
/// How often it looks meanwhile. Milliseconds.
pub const POSITION_POLL_MS: u64 = 50;
/// Orders that are looked at for one page. A filter that few orders pass gives shorter pages,
/// each with a cursor to go on.
pub const SCANNED_MAX: usize = 500;

/// Which orders, from where on, how many.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Whose; everybody's if none.
    pub user_id: Option<String>,
    /// Which of them.
    pub filter: Filter,
    /// Only those placed before this one.
    pub before: Option<Place>,
    /// At most so many.
    pub limit: usize,
}

/// Some orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The orders.
    pub entries: Vec<Entry>,
    /// Pass it as `before` to go on; none if there are no more.
    pub next: Option<Place>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The event that the reader asked for has not arrived within [`POSITION_WAIT_MAX_MS`].
    Behind,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store, L: EventLog, C: Clock> OrderHistory<S, L, C> {
    /// The order, if there is one.
    pub async fn find(&self, order_id: &str) -> Result<Option<Entry>, StoreError> {
        self.serving().await?.entry(order_id).await
    }

    /// Waits until the projection has taken in this event of an order that `reader` may see (all
    /// if none); where the order stands then. To who may not see it, it never comes.
    pub async fn wait_for(
        &self,
        position: &Position,
        reader: Option<&str>,
    ) -> Result<Position, Unread> {
        let until_ms = self.clock.now_ms().saturating_add(POSITION_WAIT_MAX_MS);
        loop {
            let entry = self.find(&position.order_id).await?;
            let visible = entry
                .filter(|entry| reader.is_none_or(|user_id| entry.order.user_id == user_id))
                .filter(|entry| entry.sequence >= position.sequence);
            if let Some(entry) = visible {
                return Ok(entry.position());
            }
            if self.clock.now_ms() >= until_ms {
                return Err(Unread::Behind);
            }
            self.clock.sleep(POSITION_POLL_MS).await;
        }
    }

    /// The newest orders that fit.
    pub async fn list(&self, query: &Query) -> Result<Listed, StoreError> {
        let generation = self.serving().await?;
        let owner = query.user_id.as_deref().map_or(Owner::Everybody, Owner::User);
        let mut days = generation.days(owner).await?;
        days.retain(|day| query.may_have(day));
        let mut scan = Scan { query, entries: Vec::new(), last: None, scanned: 0 };
        for day in days.iter().rev() {
            let places = generation.places(owner, day).await?;
            for place in places.into_iter().rev().filter(|place| query.reaches(place)) {
                if let Some(next) = scan.look(&generation, place).await? {
                    return Ok(Listed { entries: scan.entries, next: Some(next) });
                }
            }
        }
        Ok(Listed { entries: scan.entries, next: None })
    }

    /// What the user is called, if that is known.
    pub async fn name_of(&self, user_id: &str) -> Result<Option<String>, StoreError> {
        self.serving().await?.name(user_id).await
    }
}

impl Query {
    fn may_have(&self, day: &str) -> bool {
        let ends = self.before.as_ref().map(|place| place.0).into_iter();
        let ends = ends.chain(self.filter.to_ms.map(|ms| ms.saturating_sub(1)));
        ends.map(day_of).all(|last| *day <= *last)
            && self.filter.from_ms.is_none_or(|from_ms| *day >= *day_of(from_ms))
    }

    fn reaches(&self, place: &Place) -> bool {
        self.before.as_ref().is_none_or(|before| place < before) && self.filter.spans(place.0)
    }
}

struct Scan<'a> {
    query: &'a Query,
    entries: Vec<Entry>,
    /// The last order that was decided about.
    last: Option<Place>,
    scanned: usize,
}

impl Scan<'_> {
    /// Decides about the next order. Where the page ends, if it ends before it.
    async fn look<S: Store>(
        &mut self,
        generation: &Generation<S>,
        place: Place,
    ) -> Result<Option<Place>, StoreError> {
        if self.scanned >= SCANNED_MAX {
            return Ok(self.last.take());
        }
        self.scanned += 1;
        let entry = generation.entry(&place.1).await?;
        if let Some(entry) = entry.filter(|entry| self.query.filter.accepts(entry)) {
            if self.entries.len() >= self.query.limit {
                return Ok(self.last.take());
            }
            self.entries.push(entry);
        }
        self.last = Some(place);
        Ok(None)
    }
}
