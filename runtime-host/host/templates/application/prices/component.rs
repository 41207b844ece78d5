//! The contract, implemented by this crate.

use exports::{{namespace_crate}}::prices::prices::{Error, Guest};

wit_bindgen::generate!({
    world: "service",
    path: "../../wit/prices",
});

struct Component;

impl Guest for Component {
    async fn total(product: String, quantity: u32) -> Result<u64, Error> {
        crate::total(&product, quantity).ok_or(Error::UnknownProduct(product))
    }
}

export!(Component);
