//! One generation of the projection in the store.
//!
//! ```text
//! g<n>/order/<id>           the order: the value that decides
//! g<n>/day/<day>/<shard>    facts of the orders of a day, for figures and for listing all
//! g<n>/days                 which of those there are
//! g<n>/user/<id>/<day>      places of a customer's orders of a day
//! g<n>/user/<id>            which of those there are
//! g<n>/names/<shard>        what users are called
//! ```
//!
//! All but the first are indexes: sets and maps in which the newer event wins, so writing them
//! twice or in another order changes nothing. No value depends on the order in which events of
//! different orders arrived: this is why another generation, made from the log, has the same
//! bytes.
//!
//! A store can't list its keys, so indexes grow; they are split by day and, where all customers
//! meet, by a hash of the id, so that they grow slowly. A value `day` has a sixteenth of one
//! day's orders, with less than 300 bytes for each: it passes 1 MiB beyond 50 000 orders a day.
//! A value `names` has a 64th of all users, with less than 200 bytes and the name for each: with
//! names of a hundred bytes it passes 1 MiB beyond 200 000 users. `days` grows by less than 70
//! bytes a day, and the places and days of a customer with that customer's orders only. A larger
//! shop needs more shards.

mod remove;
mod write;

#[cfg(test)]
pub(crate) use remove::REMOVED_AT_ONCE;
pub(crate) use write::Untaken;

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Entry, Named, Place};

/// In how many values the facts of a day are split.
const DAY_SHARDS: u64 = 16;
/// In how many values the names of users are split.
pub(crate) const NAME_SHARDS: u64 = 64;

/// What figures and lists need to know of an order.
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
pub(crate) type Names = BTreeMap<String, Named>;
/// The days that have orders, each with the shards that its orders are in.
type Days = BTreeMap<String, BTreeSet<u64>>;

/// Whose orders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    Everybody,
    User(&'a str),
}

/// All values under one generation's prefix.
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
            Owner::Everybody => Ok(self.all_days().await?.into_keys().collect()),
            Owner::User(id) => {
                let days: Option<BTreeSet<String>> = self.store.read(&self.user_key(id)).await?;
                Ok(days.unwrap_or_default().into_iter().collect())
            }
        }
    }

    /// The places of the orders of a day, oldest first.
    pub(crate) async fn places(
        &self,
        owner: Owner<'_>,
        day: &str,
    ) -> Result<BTreeSet<Place>, StoreError> {
        match owner {
            Owner::Everybody => {
                let facts = self.facts(day).await?.into_iter();
                Ok(facts.map(|(id, fact)| Place(fact.created_at_ms, id)).collect())
            }
            Owner::User(id) => {
                Ok(self.store.read(&self.user_day_key(id, day)).await?.unwrap_or_default())
            }
        }
    }

    /// What is known about the orders of a day.
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

/// The shard of an id: FNV-1a, the same on every host and in every version.
fn shard_of(id: &str, shards: u64) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    id.bytes().fold(0xcbf2_9ce4_8422_2325, step) % shards
}
