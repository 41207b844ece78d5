//! How many event streams one person has open.
//!
//! A stream occupies an instance for as long as it lives, so each person may have a few. What is
//! open is kept in the store, where all instances see it: a stream renews its permit while it
//! lives and gives it back at its end. A client that goes away ends an instance without a word;
//! its permit then runs out.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use chassis::{Problem, ProblemType};
use http::header;

/// Most streams of one person at once.
pub(crate) const STREAMS_PER_PERSON_MAX: usize = 8;
/// How long a permit is good, in milliseconds.
pub(crate) const PERMIT_MS: u64 = 12_000;
/// How often it is renewed, in milliseconds.
pub(crate) const RENEW_MS: u64 = 5_000;

/// In how many values the permits are split.
const SHARDS: u8 = 32;

/// By person and stream, until when each is good, in milliseconds since the epoch.
type Permits = BTreeMap<String, BTreeMap<String, u64>>;

/// One of a person's streams.
pub(crate) struct Permit<S> {
    store: S,
    person: String,
    stream: String,
    renewed_ms: u64,
}

/// Why there is no stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooMany,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Store(error) => error.into(),
            Refused::TooMany => {
                let retry_after_s = PERMIT_MS.div_ceil(1_000).to_string();
                Problem::new(ProblemType::TooManyStreams)
                    .header(header::RETRY_AFTER, &retry_after_s)
                    .extension("streams_max", STREAMS_PER_PERSON_MAX)
                    .detail(format!(
                        "At most {STREAMS_PER_PERSON_MAX} are open at once; one that was cut off \
                         counts for some seconds more."
                    ))
            }
        }
    }
}

impl<S: Store> Permit<S> {
    /// A permit for one more stream of this person.
    pub(crate) async fn take(store: S, person: &str, now_ms: u64) -> Result<Self, Refused> {
        let permit = Self {
            store,
            person: person.to_owned(),
            stream: chassis::id::new("str"),
            renewed_ms: now_ms,
        };
        permit.set(now_ms).await?;
        Ok(permit)
    }

    /// Keeps the permit good, when it is time.
    pub(crate) async fn renew(&mut self, now_ms: u64) -> Result<(), Refused> {
        if now_ms < self.renewed_ms.saturating_add(RENEW_MS) {
            return Ok(());
        }
        self.set(now_ms).await?;
        self.renewed_ms = now_ms;
        Ok(())
    }

    /// Gives it back. If that fails, it runs out.
    pub(crate) async fn give_back(&self) {
        let remove = |permits: Option<Permits>| {
            let mut permits = permits.unwrap_or_default();
            if let Some(streams) = permits.get_mut(&self.person) {
                streams.remove(&self.stream);
            }
            permits.retain(|_, streams| !streams.is_empty());
            Ok::<_, StoreError>((permits, ()))
        };
        if let Err(error) = self.store.update(&key(&self.person), remove).await {
            eprintln!("orders: a stream's permit runs out by itself: {error}");
        }
    }

    async fn set(&self, now_ms: u64) -> Result<(), Refused> {
        let set = |permits: Option<Permits>| {
            let mut permits = permits.unwrap_or_default();
            let end_ms = now_ms.saturating_add(PERMIT_MS);
            for streams in permits.values_mut() {
                // One that is good for longer was written before the clock was set back.
                streams.retain(|_, until_ms| (now_ms + 1..=end_ms).contains(until_ms));
            }
            permits.retain(|_, streams| !streams.is_empty());
            let streams = permits.entry(self.person.clone()).or_default();
            let others = streams.len() - usize::from(streams.contains_key(&self.stream));
            if others >= STREAMS_PER_PERSON_MAX {
                return Err(Refused::TooMany);
            }
            streams.insert(self.stream.clone(), end_ms);
            Ok((permits, ()))
        };
        self.store.update(&key(&self.person), set).await
    }
}

fn key(person: &str) -> String {
    let sum = person.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    format!("streams/{}", sum % SHARDS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chassis::store::MemoryStore;

    const NOW_MS: u64 = 1_000_000;

    async fn take(store: &MemoryStore, now_ms: u64) -> Result<Permit<MemoryStore>, Refused> {
        Permit::take(store.clone(), "usr_1", now_ms).await
    }

    #[tokio::test]
    async fn a_person_has_a_few_streams_and_others_have_theirs() {
        let store = MemoryStore::new();
        let mut permits = Vec::new();
        for _ in 0..STREAMS_PER_PERSON_MAX {
            permits.push(take(&store, NOW_MS).await.unwrap());
        }
        assert_eq!(take(&store, NOW_MS).await.err(), Some(Refused::TooMany));
        assert!(Permit::take(store.clone(), "usr_2", NOW_MS).await.is_ok());
        permits.pop().unwrap().give_back().await;
        assert!(take(&store, NOW_MS).await.is_ok());
    }

    #[tokio::test]
    async fn a_permit_runs_out_unless_it_is_renewed() {
        let store = MemoryStore::new();
        let mut lasting = take(&store, NOW_MS).await.unwrap();
        for _ in 1..STREAMS_PER_PERSON_MAX {
            // Their clients have gone away.
            take(&store, NOW_MS).await.unwrap();
        }
        lasting.renew(NOW_MS + RENEW_MS).await.unwrap();
        let end_ms = NOW_MS + PERMIT_MS;
        assert_eq!(take(&store, end_ms - 1).await.err(), Some(Refused::TooMany));
        for _ in 1..STREAMS_PER_PERSON_MAX {
            assert!(take(&store, end_ms).await.is_ok());
        }
        assert_eq!(take(&store, end_ms).await.err(), Some(Refused::TooMany), "one is still open");
    }
}
