//! One generation of the projection in the store.
//!
//! ```text
//! g<n>/order/<id>           the order, which all others are derived from
//! g<n>/day/<day>/<shard>    facts about the orders of a day, for sales and the list of all orders
//! g<n>/days                 which of those there are
//! g<n>/user/<id>/<day>      sort keys of a customer's orders of a day
//! g<n>/user/<id>            which of those there are
//! g<n>/names/<shard>        the names of users
//! ```
//!
//! All but the first are indexes: sets and maps in which the newer event wins, so that they can be
//! written twice or in another order. No value depends on the order in which events of different
//! orders arrived. Therefore, a generation that was rebuilt from the log has the same bytes.
//!
//! A store can't list its keys, so indexes grow. They are split by day and, if all customers share
//! them, by a hash of the id. A value `day` has a sixteenth of one day's orders, with less than 300
//! bytes for each: it exceeds 1 MiB with more than 50,000 orders a day. A value `names` has a 64th of
//! all users, with less than 200 bytes and the name for each: with names of a hundred bytes, it
//! exceeds 1 MiB with more than 200,000 users. `days` grows by less than 70 bytes a day, and the
//! indexes of a customer with that customer's orders only. A larger shop needs more shards.

mod apply;
mod remove;

pub(crate) use apply::ApplyError;
#[cfg(test)]
pub(crate) use remove::REMOVED_MAX;

use std::collections::{BTreeMap, BTreeSet};

use chassis::hash::fnv1a_64;
use chassis::money::Money;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Entry, SortKey, UserName};

/// The number of values with the facts of a day.
const DAY_SHARDS: u64 = 16;
/// The number of values with the names of users.
pub(crate) const NAME_SHARDS: u64 = 64;

/// The facts about an order for sales and lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fact {
    pub(crate) user_id: String,
    pub(crate) status: String,
    pub(crate) total: Money,
    pub(crate) sequence: u64,
    pub(crate) created_at_ms: u64,
    pub(crate) at_ms: u64,
}

/// By order id.
pub(crate) type Facts = BTreeMap<String, Fact>;
/// By user id.
pub(crate) type Names = BTreeMap<String, UserName>;
/// The days that have orders, each with the shards that its orders are in.
type Days = BTreeMap<String, BTreeSet<u64>>;

/// The customers whose orders are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    All,
    User(&'a str),
}

/// All values with one generation's prefix.
#[derive(Clone, Debug)]
pub(crate) struct Generation<S> {
    store: S,
    number: u64,
}

impl<S: Store> Generation<S> {
    pub(crate) fn new(store: S, number: u64) -> Self {
        Self { store, number }
    }

    pub(crate) async fn entry(&self, order_id: &str) -> Result<Option<Entry>, StoreError> {
        self.store.read(&self.order_key(order_id)).await
    }

    /// The order as it is stored, byte by byte.
    pub(crate) async fn bytes(&self, order_id: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.store.get(&self.order_key(order_id)).await?.unwrap_or_default())
    }

    /// The days that have orders, oldest first.
    pub(crate) async fn days(&self, owner: Owner<'_>) -> Result<Vec<String>, StoreError> {
        match owner {
            Owner::All => Ok(self.all_days().await?.into_keys().collect()),
            Owner::User(id) => {
                let days: Option<BTreeSet<String>> = self.store.read(&self.user_key(id)).await?;
                Ok(days.unwrap_or_default().into_iter().collect())
            }
        }
    }

    /// The sort keys of the orders of a day, oldest first.
    pub(crate) async fn sort_keys(
        &self,
        owner: Owner<'_>,
        day: &str,
    ) -> Result<BTreeSet<SortKey>, StoreError> {
        match owner {
            Owner::All => {
                let facts = self.facts(day).await?.into_iter();
                Ok(facts.map(|(id, fact)| SortKey(fact.created_at_ms, id)).collect())
            }
            Owner::User(id) => {
                Ok(self.store.read(&self.user_day_key(id, day)).await?.unwrap_or_default())
            }
        }
    }

    /// The facts about the orders of a day.
    pub(crate) async fn facts(&self, day: &str) -> Result<Facts, StoreError> {
        let mut facts = Facts::new();
        for shard in self.all_days().await?.remove(day).unwrap_or_default() {
            let part: Option<Facts> = self.store.read(&self.day_key(day, shard)).await?;
            facts.extend(part.unwrap_or_default());
        }
        Ok(facts)
    }

    pub(crate) async fn name(&self, user_id: &str) -> Result<Option<String>, StoreError> {
        let names: Option<Names> = self.store.read(&self.names_key(user_id)).await?;
        Ok(names.and_then(|mut names| names.remove(user_id)).map(|named| named.name))
    }

    /// All names.
    pub(crate) async fn names(&self) -> Result<Names, StoreError> {
        let mut names = Names::new();
        for shard in 0..NAME_SHARDS {
            names.extend(self.names_in(shard).await?);
        }
        Ok(names)
    }

    /// The names of one of the [`NAME_SHARDS`].
    pub(crate) async fn names_in(&self, shard: u64) -> Result<Names, StoreError> {
        Ok(self.store.read(&self.names_shard_key(shard)).await?.unwrap_or_default())
    }

    async fn all_days(&self) -> Result<Days, StoreError> {
        Ok(self.store.read(&self.days_key()).await?.unwrap_or_default())
    }

    fn order_key(&self, id: &str) -> String {
        format!("g{}/order/{id}", self.number)
    }

    fn days_key(&self) -> String {
        format!("g{}/days", self.number)
    }

    fn day_key(&self, day: &str, shard: u64) -> String {
        format!("g{}/day/{day}/{shard}", self.number)
    }

    fn user_key(&self, id: &str) -> String {
        format!("g{}/user/{id}", self.number)
    }

    fn user_day_key(&self, id: &str, day: &str) -> String {
        format!("g{}/user/{id}/{day}", self.number)
    }

    fn names_key(&self, user_id: &str) -> String {
        self.names_shard_key(shard_of(user_id, NAME_SHARDS))
    }

    fn names_shard_key(&self, shard: u64) -> String {
        format!("g{}/names/{shard}", self.number)
    }
}

/// The shard of an id, the same on all hosts and in all versions.
fn shard_of(id: &str, shards: u64) -> u64 {
    fnv1a_64(id.bytes()) % shards
}
