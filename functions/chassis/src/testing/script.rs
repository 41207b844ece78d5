//! A store that does what a test says before and after its operations.

use crate::store::{MemoryStore, Store, StoreError};
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// An operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Store::get`], also as a part of other operations.
    Get,
    /// [`Store::set`].
    Set,
    /// [`Store::delete`].
    Delete,
    /// [`Store::increment`].
    Increment,
    /// [`Store::compare_and_swap`], also as a part of updates.
    Swap,
    /// [`Store::expire_at`].
    ExpireAt,
}

impl Operation {
    /// Whether it can change a value.
    pub fn is_write(self) -> bool {
        self != Self::Get
    }
}

type Step = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;
type Hook = Arc<dyn Fn(Operation, &str) -> Step + Send + Sync>;

/// Runs hooks before and after each operation of the store inside. A hook can count, wait, write
/// to the store inside (another writer that is faster), or fail. If the hook before an operation
/// fails, the operation does not happen; if the hook after it fails, it has happened but the caller
/// does not learn of it.
///
/// ```ignore
/// // Another writer changes the value before the first swap.
/// let other = store.clone();
/// let store = ScriptedStore::new(store).before(move |operation, key| {
///     let (other, key) = (other.clone(), key.to_owned());
///     async move {
///         if operation == Operation::Swap { other.set(&key, b"1").await? }
///         Ok(())
///     }
/// });
/// ```
#[derive(Clone)]
pub struct ScriptedStore<S = MemoryStore> {
    inner: S,
    before: Vec<Hook>,
    after: Vec<Hook>,
}

impl<S> ScriptedStore<S> {
    /// A store without hooks.
    pub fn new(inner: S) -> Self {
        Self { inner, before: Vec::new(), after: Vec::new() }
    }

    /// A store that fails after a number of operations. Tests run a use case with 0, 1, 2, …
    /// operations, and then check that the next call repairs what was left. Reads count too: a
    /// process can die between a read and the write that follows it.
    pub fn failing_after(operations: usize, inner: S) -> Self {
        let left = AtomicUsize::new(operations);
        Self::new(inner).before(move |_, _| {
            let left = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            let failed = || StoreError::Unavailable("the power went off".to_owned());
            ready(left.map(drop).map_err(|_| failed()))
        })
    }

    /// Adds a hook that runs before each operation, with the key.
    #[must_use]
    pub fn before<F>(mut self, hook: impl Fn(Operation, &str) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        self.before.push(Arc::new(move |operation, key| Box::pin(hook(operation, key))));
        self
    }

    /// Adds a hook that runs after each successful operation, with the key.
    #[must_use]
    pub fn after<F>(mut self, hook: impl Fn(Operation, &str) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        self.after.push(Arc::new(move |operation, key| Box::pin(hook(operation, key))));
        self
    }

    /// The store inside, without hooks.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Store> ScriptedStore<S> {
    async fn scripted<T: Send>(
        &self,
        operation: Operation,
        key: &str,
        action: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        for hook in &self.before {
            hook(operation, key).await?;
        }
        let result = action.await?;
        for hook in &self.after {
            hook(operation, key).await?;
        }
        Ok(result)
    }
}

impl<S: Store> Store for ScriptedStore<S> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.scripted(Operation::Get, key, self.inner.get(key)).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.scripted(Operation::Set, key, self.inner.set(key, value)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.scripted(Operation::Delete, key, self.inner.delete(key)).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.scripted(Operation::Increment, key, self.inner.increment(key, delta)).await
    }

    async fn expire_at(&self, key: &str, at_ms: u64) -> Result<bool, StoreError> {
        self.scripted(Operation::ExpireAt, key, self.inner.expire_at(key, at_ms)).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let swap = self.inner.compare_and_swap(key, expected, new);
        self.scripted(Operation::Swap, key, swap).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    async fn increase<S: Store>(store: &S) -> Result<u64, StoreError> {
        let next = |n: Option<u64>| n.unwrap_or(0) + 1;
        store.update("n", |n| Ok((next(n), next(n)))).await
    }

    #[tokio::test]
    async fn a_hook_can_be_faster_than_the_caller() {
        let memory = MemoryStore::new();
        memory.write("n", &1).await.unwrap();
        let (other, left) = (memory.clone(), AtomicU32::new(2));
        let store = ScriptedStore::new(memory.clone()).before(move |operation, _| {
            let is_faster = operation == Operation::Swap
                && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
            let other = other.clone();
            async move { if is_faster { increase(&other).await.map(drop) } else { Ok(()) } }
        });
        assert_eq!(increase(&store).await, Ok(4));
        assert_eq!(store.inner().read("n").await, Ok(Some(4)));
    }

    #[tokio::test]
    async fn an_operation_fails_before_or_after_it_has_happened() {
        let fail = |_: Operation, key: &str| {
            let result = match key {
                "k" => Err(StoreError::Unavailable("lost".to_owned())),
                _ => Ok(()),
            };
            async move { result }
        };
        let memory = MemoryStore::new();
        let before = ScriptedStore::new(memory.clone()).before(fail);
        assert!(before.set("k", b"1").await.is_err() && before.set("other", b"1").await.is_ok());
        assert_eq!(memory.keys(), ["other"]);
        let after = ScriptedStore::new(memory.clone()).after(fail);
        assert!(after.set("k", b"1").await.is_err());
        assert_eq!(memory.keys(), ["k", "other"]);
    }
}
