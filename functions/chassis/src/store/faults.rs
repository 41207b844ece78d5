//! A store that fails after a number of operations. Tests run a use case with 0, 1, 2, …
//! operations, and then check that the next call repairs what was left.

use super::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Forwards a number of calls to the store inside, and then fails every call. Reads count too: a
/// process can die between a read and the write that follows it.
#[derive(Clone, Debug)]
pub struct FailingStore<S> {
    inner: S,
    left: Arc<AtomicUsize>,
}

impl<S> FailingStore<S> {
    /// A store that fails after this many operations.
    pub fn after(operations: usize, inner: S) -> FailingStore<S> {
        FailingStore { inner, left: Arc::new(AtomicUsize::new(operations)) }
    }

    fn spend(&self) -> Result<(), StoreError> {
        self.left
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| StoreError::Unavailable("the power went off".to_owned()))
    }
}

impl<S: Store> Store for FailingStore<S> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.spend()?;
        self.inner.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.spend()?;
        self.inner.set(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.spend()?;
        self.inner.delete(key).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.spend()?;
        self.inner.increment(key, delta).await
    }

    async fn expire_at(&self, key: &str, at_ms: u64) -> Result<bool, StoreError> {
        self.spend()?;
        self.inner.expire_at(key, at_ms).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.spend()?;
        self.inner.compare_and_swap(key, expected, new).await
    }
}
