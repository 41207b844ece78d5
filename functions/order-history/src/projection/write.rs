//! Taking events in.

use std::collections::BTreeSet;

use chassis::store::{Store, StoreError};

use super::{DAY_SHARDS, Days, Fact, Facts, Generation, Names, shard_of};
use crate::domain::{Entry, Named, Place, day_of};

/// Why an event was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// An earlier event of the order is missing; this is the next one that can be taken in.
    Gap { expected: u64 },
    /// The store failed. Some of the writes may have happened.
    Store(StoreError),
}

impl From<StoreError> for Untaken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store> Generation<S> {
    /// Takes in the next event of an order. One that is known already changes nothing, but the
    /// indexes are written once more: the attempt before may have come to its end between.
    pub(crate) async fn take_next(&self, entry: &Entry) -> Result<(), Untaken> {
        let kept = self.keep(entry, |last| match entry.sequence == last + 1 {
            true => Ok(()),
            false => Err(Untaken::Gap { expected: last + 1 }),
        });
        Ok(self.index(&kept.await?).await?)
    }

    /// Takes in an event of an order if it is newer than what is there: right for who reads the
    /// log from its oldest event that is left, while live events come in from the other end.
    pub(crate) async fn take_newer(&self, entry: &Entry) -> Result<(), StoreError> {
        let kept = self.keep::<StoreError>(entry, |_| Ok(())).await?;
        self.index(&kept).await
    }

    /// Stores the newer of the two, if `check` (which gets the last sequence number, 0 for
    /// none) has nothing against it; what is there then.
    async fn keep<E: From<StoreError> + Send>(
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

    /// Writes everything that leads to the order.
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
        self.change(&self.user_day_key(user_id, &day), |places: &mut BTreeSet<Place>| {
            places.insert(entry.place());
        })
        .await?;
        self.change(&self.user_key(user_id), |days: &mut BTreeSet<String>| {
            days.insert(day.clone());
        })
        .await
    }

    /// What a user is called now. The newer event wins; nothing is derived from those between,
    /// so nobody has to wait for them.
    pub(crate) async fn take_name(&self, named: &Named) -> Result<(), StoreError> {
        self.change(&self.names_key(&named.user_id), |names| newer_name(names, named)).await
    }

    /// Takes in what another generation has in this shard of the names, in one write. Without
    /// names there is no value: the bytes must not tell where they came from.
    pub(crate) async fn take_names_in(&self, shard: u64, taken: &Names) -> Result<(), StoreError> {
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
        let change = |current: Option<T>| {
            let mut value = current.unwrap_or_default();
            change(&mut value);
            Ok::<_, StoreError>((value, ()))
        };
        self.store.update(key, change).await
    }
}

/// The newer event wins.
fn newer_name(names: &mut Names, named: &Named) {
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
