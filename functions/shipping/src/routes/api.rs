//! The operations of shipments.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::openapi::Api;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::View;
use crate::domain::Status;

/// A new status of a shipment, as reported by its courier.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ShipmentEvent {
    status: Status,
}

fn api() -> Api {
    let mut api = Api::new("administration");
    api.operation("getShipment", "Get a shipment", "With its history.")
        .ok::<View>("The shipment.", &shipment())
        .problems([404]);
    api.operation(
        "recordShipmentEvent",
        "Report the status of a shipment",
        "For couriers: `in_transit`, `attempt_failed`, `delivered` or `returned`. Reporting the \
         current status changes nothing; a status that can't follow it is a conflict. Shipments \
         are cancelled with their order.",
    )
    .body::<ShipmentEvent>(&json!({"status": "delivered"}))
    .ok::<View>("The shipment.", &shipment())
    .problems([404, 409, 422]);
    api
}

fn shipment() -> Value {
    json!({
        "id": "shp_0192f0c2-7a10-7c3e-9d5b-2f1f5f0a9c21",
        "order_id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
        "status": "in_transit",
        "warehouse": "VIE",
        "courier": "Donaukurier",
        "tracking_code": "DON1F5F0A9C21",
        "lines": [{"sku": "TEA-0001", "quantity": 2}],
        "updated_at": "2026-01-31T12:00:00.000Z",
        "history": [
            {"status": "created", "at": "2026-01-31T12:00:00.000Z"},
            {"status": "in_transit", "at": "2026-01-31T12:00:00.000Z"},
        ],
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
