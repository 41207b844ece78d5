//! The event log for Spin, which has none: it refuses to publish. A component that forwards events to a
//! broker can take its place. Tessera does not load it.
#![cfg(target_family = "wasm")]

use exports::tessera::events::producer::{Error, Event, Guest};

wit_bindgen::generate!({
    world: "{{namespace}}:event-log/service@1.0.0",
    path: ["../../wit/events", "../../wit/event-log"],
    generate_all,
});

struct Component;

impl Guest for Component {
    async fn publish(_: Vec<Event>) -> Result<(), Error> {
        Err(Error::Unavailable("this host has no event log\n".to_owned()))
    }
}

export!(Component);
