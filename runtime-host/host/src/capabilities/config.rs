//! `wasi:config/store@0.2.0-draft-2024-09-27`: the component's variables under WASI's name.

use super::bindings::wasi::config::store::{Error, Host, add_to_linker as add_store};
use super::{Capability, State};
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["wasi:config"],
    governed: &[("wasi:config", "variables")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add_store::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        Ok(Ok(self.guest.grants.variables.get(&key).map(ToOwned::to_owned)))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        let all = self.guest.grants.variables.all();
        Ok(Ok(all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}
