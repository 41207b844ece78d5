//! `fermyon:spin/key-value` without a version: handles are numbers, and a key without a value is an
//! error.

use super::bindings::fermyon::spin::key_value::{Error, Host};
use crate::capabilities::State;
use crate::capabilities::bindings::fermyon::spin::key_value as v2;
use crate::capabilities::key_value::Handle;
use v2::HostStore;
use wasmtime::component::Resource;

impl From<v2::Error> for Error {
    fn from(error: v2::Error) -> Self {
        match error {
            v2::Error::StoreTableFull => Self::StoreTableFull,
            v2::Error::NoSuchStore => Self::NoSuchStore,
            v2::Error::AccessDenied => Self::AccessDenied,
            v2::Error::Other(text) => Self::Io(text),
        }
    }
}

impl State {
    /// The handle that a number stands for. A guest may pass any number.
    fn numbered(&self, number: u32) -> Result<Resource<Handle>, Error> {
        let handle = || Resource::new_borrow(number);
        match self.table.get(&handle()) {
            Ok(_) => Ok(handle()),
            Err(_) => Err(Error::InvalidStore),
        }
    }
}

/// The same function of the current interface, for a handle that is a number.
macro_rules! with_handle {
    ($state:ident, $number:ident, $function:ident($($argument:expr),*)) => {
        match $state.numbered($number) {
            Err(error) => Ok(Err(error)),
            Ok(handle) => {
                let result = HostStore::$function($state, handle $(, $argument)*).await?;
                Ok(result.map_err(Error::from))
            }
        }
    };
}

impl Host for State {
    async fn open(&mut self, name: String) -> wasmtime::Result<Result<u32, Error>> {
        let opened = HostStore::open(self, name).await?;
        Ok(opened.map(|handle| handle.rep()).map_err(Error::from))
    }

    async fn get(&mut self, store: u32, key: String) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let value: wasmtime::Result<Result<_, _>> = with_handle!(self, store, get(key));
        Ok(value?.and_then(|value| value.ok_or(Error::NoSuchKey)))
    }

    async fn set(
        &mut self,
        store: u32,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        with_handle!(self, store, set(key, value))
    }

    async fn delete(&mut self, store: u32, key: String) -> wasmtime::Result<Result<(), Error>> {
        with_handle!(self, store, delete(key))
    }

    async fn exists(&mut self, store: u32, key: String) -> wasmtime::Result<Result<bool, Error>> {
        with_handle!(self, store, exists(key))
    }

    async fn get_keys(&mut self, store: u32) -> wasmtime::Result<Result<Vec<String>, Error>> {
        with_handle!(self, store, get_keys())
    }

    async fn close(&mut self, store: u32) -> wasmtime::Result<()> {
        match self.numbered(store) {
            Ok(_) => HostStore::drop(self, Resource::new_own(store)).await,
            // It has no effect, as the interface says.
            Err(_) => Ok(()),
        }
    }
}
