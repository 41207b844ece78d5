//! `wasi:keyvalue/store@0.2.0-draft2`.

use super::{Handle, Operation, OperationError, handle_operations};
use crate::capabilities::State;
use crate::capabilities::bindings::wasi::keyvalue::store::{Error, Host, HostBucket, KeyResponse};
use crate::capabilities::handles::OPEN_HANDLES_MAX;
use wasmtime::component::Resource;

/// Keys per page of a listing.
const PAGE_KEYS: usize = 1_000;

impl Host for State {
    async fn open(&mut self, label: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        Ok(self.open_store(&label)?.map_err(Error::from))
    }
}

impl HostBucket for State {
    handle_operations!();

    async fn list_keys(
        &mut self,
        handle: Resource<Handle>,
        cursor: Option<String>,
    ) -> wasmtime::Result<Result<KeyResponse, Error>> {
        let store = self.store_of(&handle)?;
        let page = Operation::begin(self, "list-keys").run(|| store.keys(cursor, PAGE_KEYS)).await;
        Ok(match page {
            Ok(page) => Ok(KeyResponse { keys: page.keys, cursor: page.next }),
            Err(error) => Err(error.into()),
        })
    }
}

impl From<OperationError> for Error {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::TooManyOpen => {
                Self::Other(format!("more than {OPEN_HANDLES_MAX} handles are open at once"))
            }
            OperationError::NoSuchStore => Self::NoSuchStore,
            OperationError::AccessDenied => Self::AccessDenied,
            OperationError::Other(text) => Self::Other(text),
        }
    }
}
