//! `fermyon:spin/key-value@2.0.0`: what components built for Spin 2 and 3 import.

use super::{Handle, Operation, OperationError, handle_operations};
use crate::capabilities::State;
use crate::capabilities::bindings::fermyon::spin::key_value::{Error, Host, HostStore};
use tessera_storage::KeyValue;
use wasmtime::component::Resource;

/// Keys that one listing gives at most: they all cross into the guest at once.
const KEYS_LISTED_MAX: usize = 100_000;
/// The same in bytes.
const KEYS_LISTED_MAX_BYTES: usize = 8 << 20;
/// Keys per page of the store.
const PAGE_KEYS: usize = 1_000;

impl Host for State {}

impl HostStore for State {
    async fn open(&mut self, label: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        Ok(self.open_store(&label)?.map_err(Error::from))
    }

    handle_operations!();

    async fn get_keys(
        &mut self,
        handle: Resource<Handle>,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let store = self.store_of(&handle)?;
        let listing = all_keys(&*store, Operation::begin(self, "get-keys"), KEYS_LISTED_MAX);
        Ok(listing.await.map_err(Error::from))
    }
}

/// All keys of a store, page by page.
pub(super) async fn all_keys(
    store: &dyn KeyValue,
    mut operation: Operation,
    keys_max: usize,
) -> Result<Vec<String>, OperationError> {
    let mut keys = Vec::new();
    let mut bytes = 0;
    let mut after = None;
    loop {
        let mut page = operation.step(|| store.keys(after, PAGE_KEYS)).await?;
        bytes += page.keys.iter().map(String::len).sum::<usize>();
        keys.append(&mut page.keys);
        if keys.len() > keys_max || bytes > KEYS_LISTED_MAX_BYTES {
            operation.end_refused();
            let text = format!(
                "the store has more than {keys_max} keys, or more than {KEYS_LISTED_MAX_BYTES} \
                 bytes of them; list them in parts, through spin:key-value@3.0.0 or wasi:keyvalue"
            );
            return Err(OperationError::Other(text));
        }
        after = page.next;
        if after.is_none() {
            operation.end();
            return Ok(keys);
        }
    }
}
