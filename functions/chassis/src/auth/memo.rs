//! The keys, remembered for a short while.
//!
//! Keys change rarely and are asked for with every request; on hosts without direct links
//! each time is an HTTP request. An instance that lives on remembers them, so a key that is
//! withdrawn is believed for [`KEPT_MS`] more. A new key is found at once: a token that names
//! an unknown one makes the memo ask again, though at most every [`REFRESH_MS`], so that
//! made-up names are not worth a request each. An instance that does not live on loses
//! nothing but time.

use super::{KeySet, KeysUnavailable};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long keys are believed without asking again. Milliseconds.
pub const KEPT_MS: u64 = 60_000;
/// How old they are at least before an unknown name is worth asking again. Milliseconds.
pub const REFRESH_MS: u64 = 5_000;

/// Remembers the last [`KeySet`] of one source.
#[derive(Debug, Default)]
pub struct KeyMemo {
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    keys: KeySet,
    since_ms: u64,
}

impl KeyMemo {
    /// Remembers nothing yet.
    pub const fn new() -> Self {
        Self { held: Mutex::new(None) }
    }

    /// The remembered keys, or what `fetch` brings. A failure is not remembered.
    pub async fn current<F>(
        &self,
        now_ms: u64,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<KeySet, KeysUnavailable>
    where
        F: Future<Output = Result<KeySet, KeysUnavailable>> + Send,
    {
        if let Some(keys) = self.fresh(now_ms) {
            return Ok(keys);
        }
        let keys = fetch().await?;
        *self.held() = Some(Held { keys: keys.clone(), since_ms: now_ms });
        Ok(keys)
    }

    /// Forgets keys that are old enough for others to have come; whether it did.
    pub fn forget(&self, now_ms: u64) -> bool {
        let mut held = self.held();
        let old = held.as_ref().is_some_and(|held| held.age_ms(now_ms) >= REFRESH_MS);
        if old {
            *held = None;
        }
        old
    }

    fn fresh(&self, now_ms: u64) -> Option<KeySet> {
        let held = self.held();
        held.as_ref().filter(|held| held.age_ms(now_ms) < KEPT_MS).map(|held| held.keys.clone())
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// After the clock was set back nobody knows the age: then they are too old.
    fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.checked_sub(self.since_ms).unwrap_or(KEPT_MS)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    struct Source {
        memo: KeyMemo,
        asked: AtomicU32,
    }

    impl Source {
        fn new() -> Self {
            Self { memo: KeyMemo::new(), asked: AtomicU32::new(0) }
        }

        /// Asks at this time; answers how often the source has been asked by then.
        async fn at(&self, now_ms: u64) -> u32 {
            let fetch = || async {
                let issuer = self.asked.fetch_add(1, SeqCst).to_string();
                Ok(KeySet { issuer, audience: String::new(), keys: Vec::new() })
            };
            self.memo.current(now_ms, fetch).await.unwrap();
            self.asked.load(SeqCst)
        }
    }

    #[tokio::test]
    async fn keys_are_asked_for_once_in_a_while() {
        let source = Source::new();
        assert_eq!(source.at(1_000_000).await, 1);
        assert_eq!(source.at(1_000_000 + KEPT_MS - 1).await, 1);
        assert_eq!(source.at(1_000_000 + KEPT_MS).await, 2);
        assert_eq!(source.at(5).await, 3, "the clock was set back");
    }

    #[tokio::test]
    async fn unknown_names_make_it_ask_again_but_not_all_the_time() {
        let source = Source::new();
        assert!(!source.memo.forget(0), "there is nothing to forget");
        source.at(1_000).await;
        assert!(!source.memo.forget(1_000 + REFRESH_MS - 1));
        assert!(source.memo.forget(1_000 + REFRESH_MS));
        assert_eq!(source.at(1_000 + REFRESH_MS).await, 2);
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let memo = KeyMemo::new();
        let failed = memo.current(0, || async { Err(KeysUnavailable("down".to_owned())) }).await;
        assert!(failed.is_err());
        let fetched = memo.current(0, || async {
            Ok(KeySet { issuer: "a".into(), audience: String::new(), keys: Vec::new() })
        });
        assert_eq!(fetched.await.unwrap().issuer, "a");
    }
}
