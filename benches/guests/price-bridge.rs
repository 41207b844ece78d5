//! Calls the component `price` over HTTP, on hosts that cannot link components by contract.
#![cfg(target_family = "wasm")]

contracts::bridge!("price");
