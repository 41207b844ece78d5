//! The removal of a generation that is no longer read.

use chassis::store::{Store, StoreError};
use serde::{Serialize, de::DeserializeOwned};

use super::{Days, Fact, Facts, Generation, NAME_SHARDS, Owner};

/// The maximum number of orders that are removed in one step. Each step rewrites a shard, so smaller
/// steps would write more bytes, and larger ones would repeat more work after a crash.
pub(crate) const REMOVED_MAX: usize = 32;

impl<S: Store> Generation<S> {
    /// Removes up to [`REMOVED_MAX`] orders of the oldest day, or the other values if there are no
    /// orders. Returns whether anything may be left. The reference to a value is removed after the
    /// value, so that an interrupted removal can be continued, and concurrent removals do not undo
    /// each other.
    pub(crate) async fn remove_some(&self) -> Result<bool, StoreError> {
        let days = self.all_days().await?;
        let Some((day, shards)) = days.first_key_value() else {
            self.remove_rest().await?;
            return Ok(false);
        };
        match shards.first() {
            Some(shard) => self.remove_from(day, *shard).await?,
            None => self.shrink(&self.days_key(), |days: &mut Days| drop(days.remove(day))).await?,
        }
        Ok(true)
    }

    async fn remove_from(&self, day: &str, shard: u64) -> Result<(), StoreError> {
        let key = self.day_key(day, shard);
        let facts: Facts = self.store.read(&key).await?.unwrap_or_default();
        for (id, fact) in facts.iter().take(REMOVED_MAX) {
            self.remove_order(id, fact, day).await?;
        }
        if let Some((left, _)) = facts.iter().nth(REMOVED_MAX) {
            return self.shrink(&key, |facts: &mut Facts| *facts = facts.split_off(left)).await;
        }
        self.store.delete(&key).await?;
        self.shrink(&self.days_key(), |days: &mut Days| {
            if let Some(shards) = days.get_mut(day) {
                shards.remove(&shard);
            }
        })
        .await
    }

    async fn remove_order(&self, id: &str, fact: &Fact, day: &str) -> Result<(), StoreError> {
        self.store.delete(&self.order_key(id)).await?;
        self.store.delete(&self.user_day_key(&fact.user_id, day)).await?;
        let days_left = self.days(Owner::User(&fact.user_id)).await?;
        if days_left.last().is_none_or(|last| **last <= *day) {
            self.store.delete(&self.user_key(&fact.user_id)).await?;
        }
        Ok(())
    }

    async fn remove_rest(&self) -> Result<(), StoreError> {
        for shard in 0..NAME_SHARDS {
            self.store.delete(&self.names_shard_key(shard)).await?;
        }
        self.store.delete(&self.days_key()).await
    }

    /// Changes a value if it exists.
    async fn shrink<T>(
        &self,
        key: &str,
        change: impl Fn(&mut T) + Send + Sync,
    ) -> Result<(), StoreError>
    where
        T: Serialize + DeserializeOwned + Send + Sync,
    {
        let changed = self.store.update(key, |current: Option<T>| {
            let mut value = current.ok_or(ShrinkError::Gone)?;
            change(&mut value);
            Ok((value, ()))
        });
        match changed.await {
            Ok(()) | Err(ShrinkError::Gone) => Ok(()),
            Err(ShrinkError::Store(error)) => Err(error),
        }
    }
}

/// Why a value was not changed.
enum ShrinkError {
    Gone,
    Store(StoreError),
}

impl From<StoreError> for ShrinkError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
