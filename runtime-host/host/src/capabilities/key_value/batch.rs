//! `wasi:keyvalue/batch@0.2.0-draft2`.
//!
//! The interface allows half-done batches. Ours are done whole or not at all: a guest that
//! gets an error knows what is in the store.

use super::{Handle, Operation};
use crate::capabilities::State;
use crate::capabilities::bindings::wasi::keyvalue::batch::Host;
use crate::capabilities::bindings::wasi::keyvalue::store::Error;
use wasmtime::component::Resource;

type Entries = Vec<(String, Option<Vec<u8>>)>;

impl Host for State {
    async fn get_many(
        &mut self,
        handle: Resource<Handle>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<Entries, Error>> {
        let store = self.store_of(&handle)?;
        let work = || store.get_many(keys.clone());
        Ok(match Operation::begin(self, "get-many").run(work).await {
            Ok(values) => Ok(keys.into_iter().zip(values).collect()),
            Err(error) => Err(error.into()),
        })
    }

    async fn set_many(
        &mut self,
        handle: Resource<Handle>,
        entries: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = self.store_of(&handle)?;
        let bytes = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
        let operation = Operation::begin(self, "set-many").writing(bytes);
        Ok(operation.run(|| store.set_many(entries)).await.map_err(Error::from))
    }

    async fn delete_many(
        &mut self,
        handle: Resource<Handle>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = self.store_of(&handle)?;
        let work = || store.delete_many(keys);
        Ok(Operation::begin(self, "delete-many").run(work).await.map_err(Error::from))
    }
}
