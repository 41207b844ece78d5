//! Applying events.

use std::collections::BTreeSet;

use chassis::store::{Store, StoreError};

use super::{DAY_SHARDS, Days, Fact, Facts, Generation, Names, shard_of};
use crate::domain::{Entry, SortKey, UserName, day_of};

/// Why an event was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApplyError {
    /// An earlier event of the order is missing; this is the next one that can be applied.
    Gap { expected: u64 },
    /// The store failed. Some of the writes may have happened.
    Store(StoreError),
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store> Generation<S> {
    /// Applies the next event of an order. A known event only writes the indexes again, because the
    /// previous attempt may have failed before them.
    pub(crate) async fn apply_next(&self, entry: &Entry) -> Result<(), ApplyError> {
        let stored = self.store_newer(entry, |last| match entry.sequence == last + 1 {
            true => Ok(()),
            false => Err(ApplyError::Gap { expected: last + 1 }),
        });
        Ok(self.index(&stored.await?).await?)
    }

    /// Applies an event of an order if it is newer than the stored one. For rebuilds, which read the
    /// log from its oldest event while live events arrive.
    pub(crate) async fn apply_newer(&self, entry: &Entry) -> Result<(), StoreError> {
        let stored = self.store_newer::<StoreError>(entry, |_| Ok(())).await?;
        self.index(&stored).await
    }

    /// Stores the newer of the two, if `check` accepts the last sequence number (0 for none). Returns
    /// the stored one.
    async fn store_newer<E: From<StoreError> + Send>(
        &self,
        entry: &Entry,
        check: impl Fn(u64) -> Result<(), E> + Send + Sync,
    ) -> Result<Entry, E> {
        let newer = |current: Option<Entry>| match current {
            Some(current) if entry.sequence <= current.sequence => Ok((current.clone(), current)),
            current => {
                check(current.map_or(0, |current| current.sequence))?;
                Ok((entry.clone(), entry.clone()))
            }
        };
        self.store.update(&self.order_key(&entry.order.id), newer).await
    }

    /// Writes the indexes of the order.
    async fn index(&self, entry: &Entry) -> Result<(), StoreError> {
        let day = day_of(entry.created_at_ms);
        let shard = shard_of(&entry.order.id, DAY_SHARDS);
        self.change(&self.day_key(&day, shard), |facts: &mut Facts| {
            if facts.get(&entry.order.id).is_none_or(|known| known.sequence < entry.sequence) {
                facts.insert(entry.order.id.clone(), Fact::of(entry));
            }
        })
        .await?;
        self.change(&self.days_key(), |days: &mut Days| {
            days.entry(day.clone()).or_default().insert(shard);
        })
        .await?;
        let user_id = &entry.order.user_id;
        self.change(&self.user_day_key(user_id, &day), |sort_keys: &mut BTreeSet<SortKey>| {
            sort_keys.insert(entry.sort_key());
        })
        .await?;
        self.change(&self.user_key(user_id), |days: &mut BTreeSet<String>| {
            days.insert(day.clone());
        })
        .await
    }

    /// Applies the name of a user. The newer event wins. Nothing is derived from earlier ones, so
    /// there may be gaps.
    pub(crate) async fn apply_name(&self, named: &UserName) -> Result<(), StoreError> {
        self.change(&self.names_key(&named.user_id), |names| newer_name(names, named)).await
    }

    /// Adds the names of another generation to this shard, in one write. Without names there is no
    /// value, so that a rebuild results in the same bytes.
    pub(crate) async fn merge_names(&self, shard: u64, taken: &Names) -> Result<(), StoreError> {
        if taken.is_empty() {
            return Ok(());
        }
        let merge = |names: &mut Names| taken.values().for_each(|named| newer_name(names, named));
        self.change(&self.names_shard_key(shard), merge).await
    }

    async fn change<T>(
        &self,
        key: &str,
        change: impl Fn(&mut T) + Send + Sync,
    ) -> Result<(), StoreError>
    where
        T: Default + serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
    {
        let change = |value: &mut T| {
            change(value);
            Ok(())
        };
        self.store.modify(key, change).await
    }
}

/// The newer event wins.
fn newer_name(names: &mut Names, named: &UserName) {
    if names.get(&named.user_id).is_none_or(|known| known.sequence < named.sequence) {
        names.insert(named.user_id.clone(), named.clone());
    }
}

impl Fact {
    fn of(entry: &Entry) -> Fact {
        Fact {
            user_id: entry.order.user_id.clone(),
            status: entry.order.status.clone(),
            total: entry.order.total.clone(),
            sequence: entry.sequence,
            created_at_ms: entry.created_at_ms,
            at_ms: entry.at_ms,
        }
    }
}
