//! Removing a generation that nobody reads any more.

use chassis::store::{Store, StoreError};

use super::{Generation, NAME_SHARDS, Owner};

impl<S: Store> Generation<S> {
    /// Removes the orders of the oldest day; the day, or `None` once nothing is left at all. The
    /// index of days goes last, so that a removal that stops half-way is taken up again.
    pub(crate) async fn remove_day(&self) -> Result<Option<String>, StoreError> {
        let Some((day, shards)) = self.all_days().await?.pop_first() else {
            self.remove_rest().await?;
            return Ok(None);
        };
        for (id, fact) in self.facts(&day).await? {
            self.store.delete(&self.order_key(&id)).await?;
            self.store.delete(&self.user_day_key(&fact.user_id, &day)).await?;
            let days_left = self.days(Owner::User(&fact.user_id)).await?;
            if days_left.last().is_none_or(|last| *last <= day) {
                self.store.delete(&self.user_key(&fact.user_id)).await?;
            }
        }
        for shard in shards {
            self.store.delete(&self.day_key(&day, shard)).await?;
        }
        let mut days = self.all_days().await?;
        days.remove(&day);
        self.store.write(&self.days_key(), &days).await?;
        Ok(Some(day))
    }

    async fn remove_rest(&self) -> Result<(), StoreError> {
        for shard in 0..NAME_SHARDS {
            self.store.delete(&self.names_shard_key(shard)).await?;
        }
        self.store.delete(&self.days_key()).await
    }
}
