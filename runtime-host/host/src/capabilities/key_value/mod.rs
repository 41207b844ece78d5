//! Key-value stores, by the three interfaces that guests use.
//!
//! The interfaces differ, their implementation does not: a label is looked up among the stores
//! that the manifest grants, and each operation is one span that lasts no longer than its call. So
//! that is implemented here, and each interface is a thin translation.

mod atomics;
mod batch;
pub(crate) mod expiry;
mod operation;
mod spin_v2;
mod spin_v3;
#[cfg(test)]
mod tests;
mod wasi;

#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use atomics::Swap;
use operation::{Operation, OperationError};

use super::handles::OpenHandle;
use super::{Capability, State, bindings};
use std::sync::Arc;
use tessera_storage::KeyValue;
use wasmtime::component::{HasSelf, Linker, Resource};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/key-value@2.0.0", "spin:key-value", "wasi:keyvalue"],
    governed: &[
        ("fermyon:spin/key-value", "key_value_stores"),
        ("spin:key-value", "key_value_stores"),
        ("wasi:keyvalue", "key_value_stores"),
    ],
    add_to_linker,
};

/// A store that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Handle {
    store: Arc<dyn KeyValue>,
    _open: OpenHandle,
}

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Own = HasSelf<State>;
    bindings::spin::key_value::key_value::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::fermyon::spin::key_value::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::wasi::keyvalue::store::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::wasi::keyvalue::batch::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::wasi::keyvalue::atomics::add_to_linker::<_, Own>(linker, |state| state)
}

/// The functions of a store that are the same in the interfaces of WASI 0.2.
macro_rules! handle_operations {
    () => {
        async fn get(
            &mut self,
            handle: Resource<Handle>,
            key: String,
        ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
            let store = self.store_of(&handle)?;
            Ok(Operation::begin(self, "get").run(|| store.get(key)).await.map_err(Error::from))
        }

        async fn set(
            &mut self,
            handle: Resource<Handle>,
            key: String,
            value: Vec<u8>,
        ) -> wasmtime::Result<Result<(), Error>> {
            let store = self.store_of(&handle)?;
            let operation = Operation::begin(self, "set").writing(value.len());
            Ok(operation.run(|| store.set(key, value)).await.map_err(Error::from))
        }

        async fn delete(
            &mut self,
            handle: Resource<Handle>,
            key: String,
        ) -> wasmtime::Result<Result<(), Error>> {
            let store = self.store_of(&handle)?;
            Ok(Operation::begin(self, "delete")
                .run(|| store.delete(key))
                .await
                .map_err(Error::from))
        }

        async fn exists(
            &mut self,
            handle: Resource<Handle>,
            key: String,
        ) -> wasmtime::Result<Result<bool, Error>> {
            let store = self.store_of(&handle)?;
            Ok(Operation::begin(self, "exists")
                .run(|| store.exists(key))
                .await
                .map_err(Error::from))
        }

        async fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
            self.table.delete(handle)?;
            Ok(())
        }
    };
}
use handle_operations;

impl State {
    /// Opens a store by its label, if the manifest grants it.
    fn open_store(
        &mut self,
        label: &str,
    ) -> wasmtime::Result<Result<Resource<Handle>, OperationError>> {
        let Some(store) = self.guest.grants.stores.get(label).cloned() else {
            tracing::warn!(
                component = %self.component.id,
                "it may not open the store `{label}`: its `key_value_stores` do not name it"
            );
            return Ok(Err(OperationError::AccessDenied));
        };
        let Some(open) = self.guest.open_stores.take() else {
            return Ok(Err(OperationError::TooManyOpen));
        };
        Ok(Ok(self.table.push(Handle { store, _open: open })?))
    }

    /// The store behind a handle.
    fn store_of(&self, handle: &Resource<Handle>) -> wasmtime::Result<Arc<dyn KeyValue>> {
        Ok(self.table.get(handle)?.store.clone())
    }
}

/// Both interfaces of Spin have the same errors.
macro_rules! spin_errors {
    ($($error:path),*) => {
        $(impl From<OperationError> for $error {
            fn from(error: OperationError) -> Self {
                match error {
                    OperationError::TooManyOpen => Self::StoreTableFull,
                    OperationError::NoSuchStore => Self::NoSuchStore,
                    OperationError::AccessDenied => Self::AccessDenied,
                    OperationError::Other(text) => Self::Other(text),
                }
            }
        })*
    };
}
spin_errors!(
    bindings::fermyon::spin::key_value::Error,
    bindings::spin::key_value::key_value::Error
);
