//! How keys are created that several callers may use.
//!
//! The [guard] is correct on every host, at the cost of one more durable write for each key. If the
//! host's swap refuses a key that was created since it was read, as WASI requires, the swap alone
//! is correct. An instance that has created [`GUARDED_FIRST`] keys tests the host once: it makes
//! two swaps on a key of its own, one after the other. A host that overwrites lets both succeed.
//!
//! The instance remembers the result for as long as it lives. It is not stored, because a store may
//! be moved to another host. Guarded and unguarded creators may meet on a host that refuses,
//! because the guard's own write is such a swap, too.

#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

use super::guard::{self, Pace};
use super::{Store, StoreError};
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of keys that an instance creates before it tests the host: the test costs three
/// writes, and many instances create few keys.
pub(super) const GUARDED_FIRST: u32 = 16;

/// A store whose swap can be tested.
pub(super) trait Trial: Store {
    /// Whether the second of two swaps on an absent key is refused.
    fn refuses_second(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// How this instance creates keys.
#[derive(Debug)]
pub(super) struct Creation {
    guarded: AtomicU32,
    refuses: OnceLock<bool>,
}

impl Creation {
    /// Knows nothing yet.
    pub(super) const fn new() -> Self {
        Self { guarded: AtomicU32::new(0), refuses: OnceLock::new() }
    }

    /// Whether this caller created the key.
    pub(super) async fn create<S: Trial>(
        &self,
        store: &S,
        pace: &impl Pace,
        key: &str,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        if self.refuses(store).await {
            return store.compare_and_swap(key, None, new).await;
        }
        guard::create(store, pace, key, new).await
    }

    async fn refuses<S: Trial>(&self, store: &S) -> bool {
        if let Some(refuses) = self.refuses.get() {
            return *refuses;
        }
        if self.guarded.fetch_add(1, Ordering::Relaxed) < GUARDED_FIRST {
            return false;
        }
        // A failing store is tested again later.
        match store.refuses_second().await {
            Ok(refuses) => *self.refuses.get_or_init(|| refuses),
            Err(_) => false,
        }
    }
}
