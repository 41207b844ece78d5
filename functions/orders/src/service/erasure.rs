//! Erasing a customer who deleted their account.

use chassis::parts::Parts;
use chassis::store::{Store, StoreError};

use super::Orders;
use crate::ports::{Clock, Participants};

/// The time limit of one call, in milliseconds. The next call continues.
pub const FORGET_MS: u64 = 5_000;

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Erases a customer from all their finished orders; the others follow when they finish. False
    /// if the time was too short: call it again. An unreadable order is an error, which is returned
    /// after the other orders were erased.
    pub async fn forget_person(&self, user_id: &str) -> Result<bool, StoreError> {
        let until_ms = self.clock.now_ms() + FORGET_MS;
        let mut left = self.records.mark_forgotten(user_id).await?;
        let mut failed = None;
        while left > 0 {
            left -= 1;
            match self.forget_on(user_id, left).await {
                Ok(()) if failed.is_none() => self.records.note_pages_left(user_id, left).await?,
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
    async fn forget_on(&self, user_id: &str, page: u64) -> Result<(), StoreError> {
        let mut parts = Parts::new();
        for id in self.records.ids_on(user_id, page).await? {
            let forgotten = self.forget_in(&id).await;
            parts.done(&id, forgotten);
        }
        parts.end(())
    }

    async fn forget_in(&self, id: &str) -> Result<(), StoreError> {
        match self.records.load(id).await? {
            Some(mut loaded) => self.records.erase(&mut loaded).await,
            None => Ok(()),
        }
    }
}
