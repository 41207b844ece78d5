//! The operations of the stock.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::openapi::Api;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::StockView;

/// How much of a product was received.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Received {
    /// All pieces ever received.
    #[schemars(range(max = u32::MAX))]
    received: u32,
}

fn api() -> Api {
    let mut api = Api::new("administration");
    api.operation(
        "getStock",
        "Get the stock of a product",
        "`received` = `on_hand` + `reserved` + `sold`.",
    )
    .ok::<StockView>("The stock.", &stock())
    .problems([404]);
    api.operation(
        "putStock",
        "Receive products",
        "Sets how many pieces were ever received, so repeating the request changes nothing.",
    )
    .body::<Received>(&json!({"received": 100}))
    .ok::<StockView>("The stock.", &stock())
    .problems([409, 422]);
    api
}

fn stock() -> Value {
    json!({"sku": "TEA-0001", "received": 100, "on_hand": 88, "reserved": 2, "sold": 10})
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
