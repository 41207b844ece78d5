//! All orders of the projection, for checks across functions.

use chassis::store::{Store, StoreError};

use super::OrderHistory;
use crate::domain::{Entry, Place, day_of};
use crate::ports::{Clock, EventLog};
use crate::projection::Owner;

/// Orders of one page at most.
pub const AUDIT_LIMIT_MAX: usize = 100;

impl<S: Store, L: EventLog, C: Clock> OrderHistory<S, L, C> {
    /// The orders after a place, oldest first, at most `limit`, and the place to go on from. The
    /// values themselves are answered, not what the indexes say of them.
    pub async fn all(
        &self,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<Place>), StoreError> {
        let generation = self.serving().await?;
        let mut days = generation.days(Owner::Everybody).await?;
        let first = after.map(|place| day_of(place.0));
        days.retain(|day| first.as_ref().is_none_or(|first| day >= first));
        let mut entries: Vec<Entry> = Vec::new();
        let mut last = None;
        for day in days {
            let places = generation.places(Owner::Everybody, &day).await?;
            for place in places.into_iter().filter(|place| after.is_none_or(|a| place > a)) {
                if entries.len() >= limit.min(AUDIT_LIMIT_MAX) {
                    return Ok((entries, last));
                }
                entries.extend(generation.entry(&place.1).await?);
                last = Some(place);
            }
        }
        Ok((entries, None))
    }
}
