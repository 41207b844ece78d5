//! Replaces the platform's expiry interface on hosts that do not have it, like stock Spin. There,
//! only the component itself can remove keys from its store. So this bridge returns `unsupported`,
//! and the component removes expired keys itself (`chassis::expiry`).
#![cfg(target_family = "wasm")]

use bindings::exports::tessera::store::expiry::{Error, Guest};

struct Component;

impl Guest for Component {
    async fn expire_at(_store: String, _key: String, _at_ms: u64) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

// Without `chassis`, which imports the interface that this exports.
#[allow(warnings, unsafe_code, clippy::all, clippy::pedantic)]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/store",
        world: "function",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });

    use super::Component;
    export!(Component);
}
