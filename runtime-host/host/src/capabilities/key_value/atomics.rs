//! `wasi:keyvalue/atomics@0.2.0-draft2`: counters and compare-and-swap.
//!
//! A swap compares versions, not values, and an absent key has a version too: of several
//! guests that create a key at the same time, exactly one succeeds.

use super::{Handle, Operation, OperationError};
use crate::capabilities::State;
use crate::capabilities::bindings::wasi::keyvalue::atomics::{CasError, Host, HostCas};
use crate::capabilities::bindings::wasi::keyvalue::store::Error;
use crate::capabilities::handles::OpenHandle;
use std::sync::Arc;
use tessera_storage::{KeyValue, SwapError, Version, Versioned};
use wasmtime::component::Resource;

/// A value of at most this size is kept in the host until the guest reads it; a larger one is read
/// again.
const VALUE_KEPT_MAX_BYTES: usize = 64 * 1024;

/// A swap that a guest prepares: what it would replace.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Swap {
    store: Arc<dyn KeyValue>,
    key: String,
    version: Version,
    /// The value of `version`, until the guest has looked at it once.
    unread: Option<Option<Vec<u8>>>,
    open: OpenHandle,
}

impl Swap {
    fn new(store: Arc<dyn KeyValue>, key: String, found: Versioned, open: OpenHandle) -> Self {
        let size = found.value.as_ref().map_or(0, Vec::len);
        let unread = (size <= VALUE_KEPT_MAX_BYTES).then_some(found.value);
        Self { store, key, version: found.version, unread, open }
    }
}

impl Host for State {
    async fn increment(
        &mut self,
        handle: Resource<Handle>,
        key: String,
        delta: i64,
    ) -> wasmtime::Result<Result<i64, Error>> {
        let store = self.store_of(&handle)?;
        let work = || store.increment(key, delta);
        Ok(Operation::begin(self, "increment").run(work).await.map_err(Error::from))
    }

    async fn swap(
        &mut self,
        handle: Resource<Swap>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), CasError>> {
        let Swap { store, key, version, open, .. } = self.table.delete(handle)?;
        let mut operation = Operation::begin(self, "swap").writing(value.len());
        // A lost race is an answer, not a failure of the store.
        let swapped = operation.step(async || {
            match store.compare_and_swap(key.clone(), version, value).await {
                Ok(_) => Ok(None),
                Err(SwapError::Conflict(found)) => Ok(Some(found)),
                Err(SwapError::Store(error)) => Err(error),
            }
        });
        match swapped.await {
            Ok(None) => {
                operation.end();
                Ok(Ok(()))
            }
            Ok(Some(found)) => {
                operation.end_refused();
                let fresh = self.table.push(Swap::new(store, key, found, open))?;
                Ok(Err(CasError::CasFailed(fresh)))
            }
            Err(error) => Ok(Err(CasError::StoreError(error.into()))),
        }
    }
}

impl HostCas for State {
    async fn new(
        &mut self,
        handle: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<Resource<Swap>, Error>> {
        let store = self.store_of(&handle)?;
        let Some(open) = self.guest.open_stores.take() else {
            return Ok(Err(OperationError::TooManyOpen.into()));
        };
        match read(Operation::begin(self, "read-for-swap"), &store, &key).await {
            Ok(found) => Ok(Ok(self.table.push(Swap::new(store, key, found, open))?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn current(
        &mut self,
        handle: Resource<Swap>,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let swap = self.table.get_mut(&handle)?;
        if let Some(value) = swap.unread.take() {
            return Ok(Ok(value));
        }
        let (store, key) = (swap.store.clone(), swap.key.clone());
        let found = match read(Operation::begin(self, "read-for-swap"), &store, &key).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error.into())),
        };
        // What the guest sees and what the swap compares with are of one moment.
        self.table.get_mut(&handle)?.version = found.version;
        Ok(Ok(found.value))
    }

    async fn drop(&mut self, handle: Resource<Swap>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

async fn read(
    operation: Operation,
    store: &Arc<dyn KeyValue>,
    key: &str,
) -> Result<Versioned, OperationError> {
    operation.run(|| store.read_versioned(key.to_owned())).await
}
