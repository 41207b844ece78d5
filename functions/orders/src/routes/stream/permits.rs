//! Limiting the open event streams of each user.
//!
//! A stream occupies an instance while it is open, so each user may have only a few. The permits
//! are in the store, which all instances share: a stream renews its permit while it is open and
//! releases it at its end. If the client disconnects, the instance is dropped without a release,
//! and the permit expires.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use chassis::{Problem, ProblemType};
use http::header;

/// The maximum number of open streams of one user.
pub(crate) const STREAMS_PER_USER_MAX: usize = 8;
/// How long a permit is valid, in milliseconds.
pub(crate) const PERMIT_MS: u64 = 12_000;
/// The interval of renewals, in milliseconds.
pub(crate) const RENEW_MS: u64 = 5_000;

/// The number of values that the permits are split into.
const SHARDS: u32 = 32;

/// By user and stream, the expiry time of each permit, in milliseconds since the epoch.
type Permits = BTreeMap<String, BTreeMap<String, u64>>;

/// The permit of one stream.
pub(crate) struct Permit<S> {
    store: S,
    user_id: String,
    stream: String,
    renewed_ms: u64,
}

/// Why there is no permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PermitError {
    TooMany,
    Store(StoreError),
}

impl From<StoreError> for PermitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PermitError> for Problem {
    fn from(error: PermitError) -> Self {
        match error {
            PermitError::Store(error) => error.into(),
            PermitError::TooMany => {
                let retry_after_s = PERMIT_MS.div_ceil(1_000).to_string();
                Problem::new(ProblemType::TooManyStreams)
                    .header(header::RETRY_AFTER, &retry_after_s)
                    .extension("streams_max", STREAMS_PER_USER_MAX)
                    .detail(format!(
                        "At most {STREAMS_PER_USER_MAX} can be open. An interrupted stream still \
                         counts for some seconds."
                    ))
            }
        }
    }
}

impl<S: Store> Permit<S> {
    /// Takes a permit for another stream of this user.
    pub(crate) async fn take(store: S, user_id: &str, now_ms: u64) -> Result<Self, PermitError> {
        let permit = Self {
            store,
            user_id: user_id.to_owned(),
            stream: chassis::id::new("str"),
            renewed_ms: now_ms,
        };
        permit.set(now_ms).await?;
        Ok(permit)
    }

    /// Renews the permit, if it is due.
    pub(crate) async fn renew(&mut self, now_ms: u64) -> Result<(), PermitError> {
        if now_ms < self.renewed_ms.saturating_add(RENEW_MS) {
            return Ok(());
        }
        self.set(now_ms).await?;
        self.renewed_ms = now_ms;
        Ok(())
    }

    /// Releases it. If this fails, it expires.
    pub(crate) async fn release(&self) {
        let remove = |permits: &mut Permits| {
            if let Some(streams) = permits.get_mut(&self.user_id) {
                streams.remove(&self.stream);
            }
            permits.retain(|_, streams| !streams.is_empty());
            Ok::<_, StoreError>(())
        };
        if let Err(error) = self.store.modify(&key(&self.user_id), remove).await {
            eprintln!("orders: a stream permit was not released and will expire: {error}");
        }
    }

    async fn set(&self, now_ms: u64) -> Result<(), PermitError> {
        let set = |permits: &mut Permits| {
            let end_ms = now_ms.saturating_add(PERMIT_MS);
            for streams in permits.values_mut() {
                // A later expiry time was written before the clock was set back.
                streams.retain(|_, until_ms| (now_ms + 1..=end_ms).contains(until_ms));
            }
            permits.retain(|_, streams| !streams.is_empty());
            let streams = permits.entry(self.user_id.clone()).or_default();
            let others = streams.len() - usize::from(streams.contains_key(&self.stream));
            if others >= STREAMS_PER_USER_MAX {
                return Err(PermitError::TooMany);
            }
            streams.insert(self.stream.clone(), end_ms);
            Ok(())
        };
        self.store.modify(&key(&self.user_id), set).await
    }
}

fn key(user_id: &str) -> String {
    format!("streams/{}", chassis::hash::shard(user_id, SHARDS))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chassis::testing::MemoryStore;

    const NOW_MS: u64 = 1_000_000;

    async fn take(store: &MemoryStore, now_ms: u64) -> Result<Permit<MemoryStore>, PermitError> {
        Permit::take(store.clone(), "usr_1", now_ms).await
    }

    #[tokio::test]
    async fn each_user_has_a_limited_number_of_streams() {
        let store = MemoryStore::new();
        let mut permits = Vec::new();
        for _ in 0..STREAMS_PER_USER_MAX {
            permits.push(take(&store, NOW_MS).await.unwrap());
        }
        assert_eq!(take(&store, NOW_MS).await.err(), Some(PermitError::TooMany));
        assert!(Permit::take(store.clone(), "usr_2", NOW_MS).await.is_ok());
        permits.pop().unwrap().release().await;
        assert!(take(&store, NOW_MS).await.is_ok());
    }

    #[tokio::test]
    async fn a_permit_expires_unless_it_is_renewed() {
        let store = MemoryStore::new();
        let mut lasting = take(&store, NOW_MS).await.unwrap();
        for _ in 1..STREAMS_PER_USER_MAX {
            // Their clients have disconnected.
            take(&store, NOW_MS).await.unwrap();
        }
        lasting.renew(NOW_MS + RENEW_MS).await.unwrap();
        let end_ms = NOW_MS + PERMIT_MS;
        assert_eq!(take(&store, end_ms - 1).await.err(), Some(PermitError::TooMany));
        for _ in 1..STREAMS_PER_USER_MAX {
            assert!(take(&store, end_ms).await.is_ok());
        }
        assert_eq!(
            take(&store, end_ms).await.err(),
            Some(PermitError::TooMany),
            "one is still open"
        );
    }
}
