//! Erasing a customer who deleted their account.

use chassis::clock::Timer;
use chassis::parts::Parts;
use chassis::store::{Store, StoreError};

use super::Orders;
use crate::ports::Participants;

/// The time limit of one call, in milliseconds. The next call continues.
pub const ERASE_MS: u64 = 5_000;

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// Erases a customer from all their finished orders; the others follow when they finish. False
    /// if the time was too short: call it again. An unreadable order is an error, which is returned
    /// after the other orders were erased.
    pub async fn erase_customer(&self, user_id: &str) -> Result<bool, StoreError> {
        let until_ms = self.clock.now_ms() + ERASE_MS;
        let mut left = self.records.record_deletion(user_id).await?;
        let mut failed = None;
        while left > 0 {
            left -= 1;
            match self.erase_on_page(user_id, left).await {
                Ok(()) if failed.is_none() => {
                    self.records.set_pages_left(user_id, left).await?;
                }
                Ok(()) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
            if left > 0 && self.clock.now_ms() >= until_ms {
                return failed.map_or(Ok(false), Err);
            }
        }
        failed.map_or(Ok(true), Err)
    }

    /// The same for one page of the customer's index.
    async fn erase_on_page(&self, user_id: &str, page: u64) -> Result<(), StoreError> {
        let mut parts = Parts::new();
        for id in self.records.ids_on(user_id, page).await? {
            let erased = match self.records.load(&id).await {
                Ok(Some(mut loaded)) => self.records.erase(&mut loaded).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            parts.done(&id, erased);
        }
        parts.end(())
    }
}
