//! The operation of the importer.

use chassis::openapi::Api;
use serde_json::json;

use super::Report;

fn api() -> Api {
    let mut api = Api::new("administration");
    api.operation(
        "importProducts",
        "Import products",
        "Imports the shop's own data file. Continues where an earlier import was interrupted.",
    )
    .ok::<Report>(
        "All products are in the shop.",
        &json!({
            "status": "imported",
            "file": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "products": 240,
            "imported": 240,
            "created": 240,
            "updated": 0,
            "received": 240,
        }),
    );
    api
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
