//! A cache of the keys. They are kept for a short time, and longer while identity is unavailable.
//!
//! Keys change rarely and are needed for every request; on hosts without direct links, fetching them
//! is an HTTP request. Reused instances cache them, so a withdrawn key is accepted for up to
//! [`KEPT_MS`]. A new key is found immediately: a token with an unknown key id causes another fetch,
//! but at most one every [`REFRESH_MS`], so that invented ids cause few requests.
//!
//! While identity is unavailable, keys up to [`STALE_MAX_MS`] old are still accepted, so signed-in
//! users are not affected. New instances read a copy from the function's own store. The bound is a
//! little more than the lifetime of an access token: after it, no valid token is left.

use super::{KeySet, KeysUnavailable};
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// How long keys are used without another fetch. Milliseconds.
pub const KEPT_MS: u64 = 60_000;
/// The minimum age of the keys before an unknown key id causes another fetch. Milliseconds.
pub const REFRESH_MS: u64 = 5_000;
/// How long keys are accepted while identity does not respond. Milliseconds.
pub const STALE_MAX_MS: u64 = 1_200_000;
/// The pause after a failed request to identity, if there are keys that can be used in the
/// meantime. Milliseconds.
pub const RETRY_MS: u64 = 2_000;
/// The timeout of a request to identity. Milliseconds.
pub const FETCH_MAX_MS: u64 = 2_000;

/// The key of the copy in the function's store.
const SHELF: &str = "auth/keys";

/// The last [`KeySet`] of a source.
#[derive(Debug, Default)]
pub struct KeyMemo {
    held: Mutex<Option<Held>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    keys: KeySet,
    /// When identity returned them.
    since_ms: u64,
    /// When to fetch again, if that is sooner than usual, or later because of a failure.
    #[serde(skip)]
    ask_at_ms: Option<u64>,
}

impl KeyMemo {
    /// An empty cache.
    pub const fn new() -> Self {
        Self { held: Mutex::new(None) }
    }

    /// The cached keys, or the result of `fetch`, or, if that fails, stale keys that are not too
    /// old. The function's store is opened only if the cached keys are not fresh.
    ///
    /// # Errors
    /// The failure of `fetch`, if there are no stale keys to use.
    pub async fn current<S: Store, F>(
        &self,
        now_ms: u64,
        open_shelf: impl FnOnce() -> Option<S> + Send,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<KeySet, KeysUnavailable>
    where
        F: Future<Output = Result<KeySet, KeysUnavailable>> + Send,
    {
        if let Some(keys) = self.fresh(now_ms) {
            return Ok(keys);
        }
        let shelf = open_shelf();
        let shelved = read(shelf.as_ref()).await;
        let asked_to = self.held().as_ref().is_some_and(|held| held.ask_at_ms.is_some());
        if let Some(held) = shelved.as_ref().filter(|held| !asked_to && held.is_fresh(now_ms)) {
            return Ok(self.hold(held.clone()));
        }
        match fetch().await {
            Ok(keys) => {
                let held = Held { keys, since_ms: now_ms, ask_at_ms: None };
                if let Some(shelf) = &shelf {
                    write(shelf, shelved.as_ref(), &held).await;
                }
                Ok(self.hold(held))
            }
            Err(error) => self.stale(shelved, now_ms).ok_or(error),
        }
    }

    /// Makes the next call fetch again, if the keys are old enough for new ones to exist. Returns
    /// whether it will.
    pub fn forget(&self, now_ms: u64) -> bool {
        let mut held = self.held();
        let old = held.as_mut().filter(|held| {
            held.age_ms(now_ms) >= REFRESH_MS && held.ask_at_ms.is_none_or(|at| at <= now_ms)
        });
        old.map(|held| held.ask_at_ms = Some(now_ms)).is_some()
    }

    fn fresh(&self, now_ms: u64) -> Option<KeySet> {
        self.held().as_ref().filter(|held| held.is_fresh(now_ms)).map(|held| held.keys.clone())
    }

    /// The newer of the cached keys and the stored copy, if it is new enough.
    fn stale(&self, shelved: Option<Held>, now_ms: u64) -> Option<KeySet> {
        let remembered = self.held().clone();
        let known = remembered.into_iter().chain(shelved);
        let mut held = known
            .filter(|held| held.age_ms(now_ms) < STALE_MAX_MS)
            .min_by_key(|held| held.age_ms(now_ms))?;
        eprintln!("identity does not respond; using keys that are {} ms old", held.age_ms(now_ms));
        held.ask_at_ms = Some(now_ms.saturating_add(RETRY_MS));
        Some(self.hold(held))
    }

    fn hold(&self, held: Held) -> KeySet {
        let keys = held.keys.clone();
        *self.held() = Some(held);
        keys
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// After the clock was set back, their age is unknown; then they count as too old.
    fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.checked_sub(self.since_ms).unwrap_or(STALE_MAX_MS)
    }

    fn is_fresh(&self, now_ms: u64) -> bool {
        match self.ask_at_ms {
            Some(at_ms) => now_ms < at_ms && self.age_ms(now_ms) < STALE_MAX_MS,
            None => self.age_ms(now_ms) < KEPT_MS,
        }
    }
}

async fn read<S: Store>(shelf: Option<&S>) -> Option<Held> {
    shelf?.read(SHELF).await.unwrap_or_default()
}

/// Updates the stored copy if the keys have changed or are no longer fresh. A failure is only
/// logged.
async fn write<S: Store>(shelf: &S, there: Option<&Held>, held: &Held) {
    let same = there.is_some_and(|there| there.keys == held.keys && there.is_fresh(held.since_ms));
    if !same && let Err(error) = shelf.write(SHELF, held).await {
        eprintln!("the keys could not be stored: {error}");
    }
}

/// The keys, or an error if they did not arrive within `limit`.
///
/// # Errors
/// The failure of the request, or the timeout.
pub async fn in_time(
    keys: impl Future<Output = Result<KeySet, KeysUnavailable>>,
    limit: impl Future<Output = ()>,
) -> Result<KeySet, KeysUnavailable> {
    let (mut keys, mut limit) = (pin!(keys), pin!(limit));
    poll_fn(|context| {
        if let Poll::Ready(keys) = keys.as_mut().poll(context) {
            return Poll::Ready(keys);
        }
        limit
            .as_mut()
            .poll(context)
            .map(|()| Err(KeysUnavailable("no response in time".to_owned())))
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::MemoryStore;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

    struct Source {
        memo: KeyMemo,
        shelf: MemoryStore,
        asked: AtomicU32,
        down: AtomicBool,
    }

    impl Source {
        fn new() -> Self {
            let (asked, down) = (AtomicU32::new(0), AtomicBool::new(false));
            Self { memo: KeyMemo::new(), shelf: MemoryStore::new(), asked, down }
        }

        /// Another instance of the same function.
        fn fresh_instance(&mut self) {
            self.memo = KeyMemo::new();
        }

        async fn keys(&self, now_ms: u64) -> Result<String, KeysUnavailable> {
            let fetch = || async {
                let issuer = (self.asked.fetch_add(1, SeqCst) + 1).to_string();
                match self.down.load(SeqCst) {
                    true => Err(KeysUnavailable("down".to_owned())),
                    false => Ok(KeySet { issuer, audience: String::new(), keys: Vec::new() }),
                }
            };
            let keys = self.memo.current(now_ms, || Some(self.shelf.clone()), fetch).await;
            keys.map(|keys| keys.issuer)
        }

        /// A call at this time. Returns the number of fetches so far.
        async fn at(&self, now_ms: u64) -> u32 {
            self.keys(now_ms).await.unwrap();
            self.asked.load(SeqCst)
        }
    }

    #[tokio::test]
    async fn keys_are_fetched_again_after_some_time() {
        let source = Source::new();
        assert_eq!(source.at(1_000_000).await, 1);
        assert_eq!(source.at(1_000_000 + KEPT_MS - 1).await, 1);
        assert_eq!(source.at(1_000_000 + KEPT_MS).await, 2);
        assert_eq!(source.at(5).await, 3, "the clock was set back");
    }

    #[tokio::test]
    async fn unknown_key_ids_cause_few_fetches() {
        let source = Source::new();
        assert!(!source.memo.forget(0), "there is nothing to forget");
        source.at(1_000).await;
        assert!(!source.memo.forget(1_000 + REFRESH_MS - 1));
        assert!(source.memo.forget(1_000 + REFRESH_MS));
        assert_eq!(source.at(1_000 + REFRESH_MS).await, 2);
        assert!(!source.memo.forget(1_000 + REFRESH_MS + 1));
    }

    #[tokio::test]
    async fn a_failure_is_not_cached() {
        let source = Source::new();
        source.down.store(true, SeqCst);
        assert!(source.keys(1_000).await.is_err());
        source.down.store(false, SeqCst);
        assert_eq!(source.keys(1_000).await.unwrap(), "2");
    }

    #[tokio::test]
    async fn while_identity_is_down_the_last_keys_are_accepted_for_a_bounded_time() {
        let mut source = Source::new();
        assert_eq!(source.keys(1_000).await.unwrap(), "1");
        source.down.store(true, SeqCst);
        let later_ms = 1_000 + KEPT_MS;
        for step in 0..60 {
            assert_eq!(source.keys(later_ms + step * 1_000).await.unwrap(), "1");
        }
        assert_eq!(source.asked.load(SeqCst), 31, "it is not asked with every request");
        source.fresh_instance();
        assert_eq!(source.keys(later_ms + 60_000).await.unwrap(), "1", "from the store");
        let end_ms = 1_000 + STALE_MAX_MS;
        assert_eq!(source.keys(end_ms - 1).await.unwrap(), "1");
        assert!(source.keys(end_ms).await.is_err());
        source.fresh_instance();
        assert!(source.keys(end_ms).await.is_err());
        source.down.store(false, SeqCst);
        assert!(source.keys(end_ms).await.is_ok());
    }

    #[tokio::test]
    async fn unknown_key_ids_do_not_drop_the_keys_while_identity_is_down() {
        let source = Source::new();
        source.at(1_000).await;
        source.down.store(true, SeqCst);
        for step in 0..100 {
            let now_ms = 1_000 + REFRESH_MS + step * 100;
            source.memo.forget(now_ms);
            assert_eq!(source.keys(now_ms).await.unwrap(), "1");
        }
        assert!(source.asked.load(SeqCst) < 8, "{source:?}", source = source.asked);
    }

    #[tokio::test]
    async fn a_new_instance_reads_the_keys_from_the_store() {
        let mut source = Source::new();
        source.at(1_000).await;
        source.fresh_instance();
        assert_eq!(source.at(2_000).await, 1);
        source.fresh_instance();
        assert_eq!(source.at(1_000 + KEPT_MS).await, 2);
    }

    #[tokio::test]
    async fn a_missing_response_times_out() {
        let never = std::future::pending();
        assert!(in_time(never, std::future::ready(())).await.is_err());
        let keys = KeySet { issuer: "a".into(), audience: String::new(), keys: Vec::new() };
        let keys = std::future::ready(Ok(keys));
        assert_eq!(in_time(keys, std::future::ready(())).await.unwrap().issuer, "a");
    }
}
