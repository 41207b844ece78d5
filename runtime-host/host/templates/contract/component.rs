//! The contract, implemented by this crate.

use exports::{{namespace_crate}}::{{crate}}::{{crate}}::{Error, Guest};

wit_bindgen::generate!({
    world: "service",
    path: "../../wit/{{name}}",
});

struct Component;

impl Guest for Component {
    async fn words(text: String) -> Result<u32, Error> {
        crate::words(&text).ok_or(Error::Empty)
    }
}

export!(Component);
