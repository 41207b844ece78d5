//! `wasi:keyvalue/store@0.2.0-draft2`.

use super::{Fault, Handle, OPEN_HANDLES_MAX, Operation};
use crate::capabilities::State;
use crate::capabilities::bindings::wasi::keyvalue::store::{Error, Host, HostBucket, KeyResponse};
use wasmtime::component::Resource;

/// Keys per page of a listing.
const PAGE_KEYS: usize = 1_000;

impl Host for State {
    async fn open(&mut self, label: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        Ok(self.open_store(&label)?.map_err(Error::from))
    }
}

impl HostBucket for State {
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
        Ok(Operation::begin(self, "delete").run(|| store.delete(key)).await.map_err(Error::from))
    }

    async fn exists(
        &mut self,
        handle: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let store = self.store_of(&handle)?;
        Ok(Operation::begin(self, "exists").run(|| store.exists(key)).await.map_err(Error::from))
    }

    async fn list_keys(
        &mut self,
        handle: Resource<Handle>,
        cursor: Option<String>,
    ) -> wasmtime::Result<Result<KeyResponse, Error>> {
        let store = self.store_of(&handle)?;
        let page = Operation::begin(self, "list-keys").run(|| store.keys(cursor, PAGE_KEYS)).await;
        Ok(match page {
            Ok(page) => Ok(KeyResponse { keys: page.keys, cursor: page.next }),
            Err(fault) => Err(fault.into()),
        })
    }

    async fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.close_store(handle)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooManyOpen => {
                Self::Other(format!("more than {OPEN_HANDLES_MAX} handles are open at once"))
            }
            Fault::NoSuchStore => Self::NoSuchStore,
            Fault::AccessDenied => Self::AccessDenied,
            Fault::Other(text) => Self::Other(text),
        }
    }
}
