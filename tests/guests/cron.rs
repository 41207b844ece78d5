//! A guest of Spin's cron plugin: prints the time that it was called for, and fails if the environment
//! says so.
#![cfg(target_family = "wasm")]
#![allow(clippy::print_stdout)]
#![allow(unsafe_code, reason = "generated bindings")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({ path: "cron.wit", world: "spin-cron" });
}

use bindings::{Error, Guest, Metadata};

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn handle_cron_event(metadata: Metadata) -> Result<(), Error> {
        match std::env::var("FAULT") {
            Ok(fault) => Err(Error::Other(fault)),
            Err(_) => {
                println!("called at {}", metadata.timestamp);
                Ok(())
            }
        }
    }
}
