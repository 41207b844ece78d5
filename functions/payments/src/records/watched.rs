//! Watched payments: something about their charges is still undecided at the provider.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};

use super::Records;

/// The maximum number of watched payments. A further one is refused until others are settled.
const WATCHED_MAX: usize = 1_000;
/// The key of the watched payments.
const WATCHED_KEY: &str = "watched";

/// By id, the time since which it is watched, in milliseconds since the epoch.
type Watched = BTreeMap<String, u64>;

impl<S: Store> Records<S> {
    /// All watched payments.
    pub async fn watched(&self) -> Result<Watched, StoreError> {
        Ok(self.store.read(WATCHED_KEY).await?.unwrap_or_default())
    }

    /// Adds a payment.
    pub async fn watch(&self, id: &str, now_ms: u64) -> Result<(), StoreError> {
        let add = |watched: Option<Watched>| {
            let mut watched = watched.unwrap_or_default();
            if watched.len() >= WATCHED_MAX && !watched.contains_key(id) {
                let what = "payments that are undecided at the provider";
                return Err(StoreError::Backlog { what, max: WATCHED_MAX });
            }
            watched.entry(id.to_owned()).or_insert(now_ms);
            Ok((watched, ()))
        };
        self.store.update(WATCHED_KEY, add).await
    }

    /// Watches these payments for another full period, after all others.
    pub async fn watch_longer(&self, ids: &[String], now_ms: u64) -> Result<(), StoreError> {
        self.change_watched(ids, |watched, id| {
            if let Some(since_ms) = watched.get_mut(id) {
                *since_ms = now_ms;
            }
        })
        .await
    }

    /// Removes these payments.
    pub async fn unwatch(&self, ids: &[String]) -> Result<(), StoreError> {
        self.change_watched(ids, |watched, id| {
            watched.remove(id);
        })
        .await
    }

    async fn change_watched(
        &self,
        ids: &[String],
        change: impl Fn(&mut Watched, &str) + Send + Sync,
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let change = |watched: Option<Watched>| {
            let mut watched = watched.unwrap_or_default();
            ids.iter().for_each(|id| change(&mut watched, id));
            Ok((watched, ()))
        };
        self.store.update(WATCHED_KEY, change).await
    }
}
