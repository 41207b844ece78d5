//! Stands for the platform's stores on hosts that have none of their kind, like stock Spin. A
//! component's store belongs to it alone there, so nobody else can remove its keys: this says so,
//! and the component does it itself (`chassis::expiry`).
#![cfg(target_family = "wasm")]

use bindings::exports::tessera::store::expiry::{Error, Guest};

struct Component;

impl Guest for Component {
    async fn expire_at(_store: String, _key: String, _at_ms: u64) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

// Without `chassis`, which imports what this exports.
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
