//! All orders of the projection, for reconciliation.

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};

use super::OrderHistory;
use crate::domain::{Entry, SortKey, day_of};
use crate::ports::EventLog;
use crate::records::Owner;

/// The maximum size of a page, in orders.
pub const AUDIT_LIMIT_MAX: usize = 100;

impl<S: Store, L: EventLog, C: Timer> OrderHistory<S, L, C> {
    /// The orders after a key, oldest first, at most `limit`, and the key of the last one unless it
    /// is the end. They are read from the orders, not from the indexes.
    pub async fn all(
        &self,
        after: Option<&SortKey>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<SortKey>), StoreError> {
        let generation = self.serving().await?;
        let mut days = generation.days(Owner::All).await?;
        let first = after.map(|key| day_of(key.0));
        days.retain(|day| first.as_ref().is_none_or(|first| day >= first));
        let mut entries: Vec<Entry> = Vec::new();
        let mut last = None;
        for day in days {
            let sort_keys = generation.sort_keys(Owner::All, &day).await?;
            for key in sort_keys.into_iter().filter(|key| after.is_none_or(|a| key > a)) {
                if entries.len() >= limit.min(AUDIT_LIMIT_MAX) {
                    return Ok((entries, last));
                }
                entries.extend(generation.entry(&key.1).await?);
                last = Some(key);
            }
        }
        Ok((entries, None))
    }
}
