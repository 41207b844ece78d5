//! Payments that are watched: something about their charges is still open at the provider.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};

use super::Records;

/// Payments that are watched at most; a further one is refused until others are over.
const WATCHED_MAX: usize = 1_000;
/// Payments that are watched, each with since when.
const WATCHED_KEY: &str = "watched";

/// Ids, each with since when it is watched, in milliseconds since the epoch.
type Watched = BTreeMap<String, u64>;

impl<S: Store> Records<S> {
    /// All payments that are watched.
    pub async fn watched(&self) -> Result<Watched, StoreError> {
        Ok(self.store.read(WATCHED_KEY).await?.unwrap_or_default())
    }

    /// Watches a payment.
    pub async fn watch(&self, id: &str, now_ms: u64) -> Result<(), StoreError> {
        let add = |watched: Option<Watched>| {
            let mut watched = watched.unwrap_or_default();
            if watched.len() >= WATCHED_MAX && !watched.contains_key(id) {
                let what = "payments with something open at the provider";
                return Err(StoreError::Backlog { what, max: WATCHED_MAX });
            }
            watched.entry(id.to_owned()).or_insert(now_ms);
            Ok((watched, ()))
        };
        self.store.update(WATCHED_KEY, add).await
    }

    /// Watches these payments for as long again, behind all others.
    pub async fn watch_longer(&self, ids: &[String], now_ms: u64) -> Result<(), StoreError> {
        self.change_watched(ids, |watched, id| {
            if let Some(since_ms) = watched.get_mut(id) {
                *since_ms = now_ms;
            }
        })
        .await
    }

    /// Watches these payments no longer.
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
