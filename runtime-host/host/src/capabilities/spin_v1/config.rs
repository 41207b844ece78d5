//! `fermyon:spin/config`: the variables of a component.

use super::bindings::fermyon::spin::config::{Error, Host};
use crate::capabilities::State;
use crate::capabilities::variables::{LookupError, lookup};

impl Host for State {
    async fn get_config(&mut self, key: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(lookup(&self.guest.grants.variables, &key).map_err(|missing| match missing {
            LookupError::InvalidName(text) => Error::InvalidKey(text),
            LookupError::Undefined(text) => Error::Provider(text),
        }))
    }
}
