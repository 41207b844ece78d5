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
use operation::{Fault, Operation};

use super::{Capability, State, bindings};
use std::sync::Arc;
use tessera_storage::KeyValue;
use wasmtime::component::{HasSelf, Linker, Resource};

pub(super) const CAPABILITY: Capability = Capability {
    governed: &[
        ("fermyon:spin/key-value", "key_value_stores"),
        ("spin:key-value", "key_value_stores"),
        ("wasi:keyvalue", "key_value_stores"),
    ],
    add_to_linker,
};

/// Stores and swaps that one instance may hold open at once, as in stock Spin.
const OPEN_HANDLES_MAX: usize = 256;

/// A store that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Handle {
    store: Arc<dyn KeyValue>,
    _slot: HandleSlot,
}

/// Counts the handles that one instance holds open, so that a leaking guest reaches this limit
/// instead of using up the host's memory.
#[derive(Debug, Default)]
pub(crate) struct OpenHandles(Arc<()>);

/// Counts one handle until it is dropped.
#[derive(Debug)]
struct HandleSlot(#[expect(dead_code, reason = "held to be counted")] Arc<()>);

impl OpenHandles {
    fn take(&self) -> Result<HandleSlot, Fault> {
        // One reference is that of the instance.
        if Arc::strong_count(&self.0) > OPEN_HANDLES_MAX {
            return Err(Fault::TooManyOpen);
        }
        Ok(HandleSlot(self.0.clone()))
    }
}

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Own = HasSelf<State>;
    bindings::spin::key_value::key_value::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::fermyon::spin::key_value::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::wasi::keyvalue::store::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::wasi::keyvalue::batch::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::wasi::keyvalue::atomics::add_to_linker::<_, Own>(linker, |state| state)
}

impl State {
    /// Opens a store by its label, if the manifest grants it.
    fn open_store(&mut self, label: &str) -> wasmtime::Result<Result<Resource<Handle>, Fault>> {
        let Some(store) = self.guest.grants.stores.get(label).cloned() else {
            tracing::warn!(
                component = %self.component.id,
                "it may not open the store `{label}`: its `key_value_stores` do not name it"
            );
            return Ok(Err(Fault::AccessDenied));
        };
        let slot = match self.guest.open_handles.take() {
            Ok(slot) => slot,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(Ok(self.table.push(Handle { store, _slot: slot })?))
    }

    /// The store behind a handle.
    fn store_of(&self, handle: &Resource<Handle>) -> wasmtime::Result<Arc<dyn KeyValue>> {
        Ok(self.table.get(handle)?.store.clone())
    }

    fn close_store(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
