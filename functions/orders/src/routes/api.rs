//! The description of the API.
#![allow(dead_code, reason = "the types of requests only describe them")]

mod administration;

use chassis::money::Money;
use chassis::openapi::{Api, Sku};
use chassis::page::Page;
use chassis::{Problem, ProblemType};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::form::METHOD_CHARS_MAX;
use super::view::{EventView, OrderView, ShipmentView};
use crate::domain::{Address, placed};

/// An order to be placed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewOrder {
    /// The items; the cart if absent.
    #[schemars(length(min = 1, max = placed::LINES_MAX))]
    items: Option<Vec<NewLine>>,
    shipping_address: Address,
    /// A token of the payment provider. Card numbers are refused.
    #[schemars(length(min = 1, max = METHOD_CHARS_MAX))]
    payment_method: String,
    expected_total: Option<Money>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
struct NewLine {
    sku: Sku,
    #[schemars(range(min = 1, max = placed::QUANTITY_MAX))]
    quantity: u32,
}

/// The common members of all events.
#[derive(JsonSchema)]
pub(super) struct EventType {
    /// The type of the event: `placed`, `step_started`, `step_done`, `confirmed`, …
    r#type: String,
}

fn api() -> Api {
    let mut api = Api::new("orders");
    placing(&mut api);
    reading(&mut api);
    administration::operations(&mut api);
    api
}

fn placing(api: &mut Api) {
    api.operation(
        "placeOrder",
        "Place an order",
        "Orders the items, or the contents of the cart if none are given. The response is sent \
         when the order is confirmed or rejected, or after a few seconds with the status \
         `pending`: then follow the order. With `expected_total`, nothing is ordered if the total \
         differs.",
    )
    .parameters(["IdempotencyKey"])
    .body::<NewOrder>(&json!({
        "items": [{"sku": "TEA-0001", "quantity": 2}],
        "shipping_address": address(),
        "payment_method": "tok_approved",
    }))
    .json::<OrderView>(201, "The order is confirmed or rejected.", &order("confirmed"))
    .headers(["Location", "Idempotency-Replayed", "ETag", "X-Projection-Position"])
    .json::<OrderView>(202, "The order is still pending.", &order("pending"))
    .headers(["Location", "Idempotency-Replayed", "ETag", "X-Projection-Position"])
    .problem(
        "The total differs from the expected one and nothing was ordered (`price-changed`; \
         order again with a new key), or a request with the same key is in progress.",
        &Problem::new(ProblemType::PriceChanged)
            .detail("Nothing was ordered. Check the new total, then order again with a new key.")
            .extension("expected_total", json!({"amount": 2598, "currency": "EUR"}))
            .extension("total", json!({"amount": 2798, "currency": "EUR"})),
    )
    .problem(
        "A service is unavailable, or too many orders are unfinished (`too-many-unfinished`). \
         Nothing was ordered.",
        &Problem::new(ProblemType::TooManyUnfinished)
            .detail("At most 512 orders in one part of their index may be unfinished at once.")
            .extension("unfinished_max", 512),
    )
    .problems([422]);
    api.operation(
        "cancelOrder",
        "Cancel an order",
        "Possible until the first parcel is picked up. The payment is refunded and the products \
         are restocked. Repeating the request has no further effect.",
    )
    .parameters(["IfMatch"])
    .ok::<OrderView>("The order is canceled.", &order("cancelled"))
    .headers(["ETag", "X-Projection-Position"])
    .json::<OrderView>(202, "The order is being canceled.", &order("confirmed"))
    .headers(["ETag", "X-Projection-Position"])
    .problems([404, 409, 412]);
}

fn reading(api: &mut Api) {
    api.operation("listOrders", "List own orders", "The orders of the caller, newest first.")
        .paged()
        .ok::<Page<OrderView>>(
            "A page.",
            &json!({"items": [order("confirmed")], "next_cursor": null}),
        );
    api.operation("getOrder", "Get an order", "An order of the caller.")
        .ok::<OrderView>("The order.", &order("confirmed"))
        .headers(["ETag", "X-Projection-Position"])
        .problems([404]);
    api.operation(
        "streamOrderEvents",
        "Follow an order",
        "Server-sent events: one for each change of the status, and comments to keep the \
         connection open. The stream ends when the order is final.",
    )
    .parameter(json!({
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The id of the last received event, after a reconnection.",
        "required": false,
        "schema": {"type": "string"},
    }))
    .empty(200, "The stream.")
    .content::<String>("text/event-stream", &Value::Null)
    .empty(204, "The order is final, so there will be no more events.")
    .problems([404]);
    api.operation(
        "getOrderHistory",
        "Get the history of an order",
        "The events of the order, oldest first.",
    )
    .ok::<Page<EventView>>(
        "All events.",
        &json!({
            "items": [{"sequence": 1, "type": "placed", "at": "2026-01-31T12:00:00.000Z"}],
            "next_cursor": null,
        }),
    )
    .problems([404]);
    api.operation(
        "listShipments",
        "List the shipments of an order",
        "Empty before the order is confirmed.",
    )
    .ok::<Page<ShipmentView>>(
        "All shipments.",
        &json!({
            "items": [
                {
                    "id": "shp_0192f0c2-7a10-7c3e-9d5b-2f1f5f0a9c20",
                    "status": "in_transit",
                    "courier": "Swift Parcel",
                    "tracking_code": "SP0192F0C2",
                    "lines": [{"sku": "TEA-0001", "quantity": 2}],
                    "updated_at": "2026-01-31T12:00:00.000Z",
                },
            ],
            "next_cursor": null,
        }),
    )
    .problems([404]);
}

fn order(status: &str) -> Value {
    json!({
        "id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
        "status": status,
        "items": [item()],
        "total": {"amount": 2598, "currency": "EUR"},
        "shipping_address": address(),
        "created_at": "2026-01-31T12:00:00.000Z",
        "updated_at": "2026-01-31T12:00:00.000Z",
    })
}

fn address() -> Value {
    json!({
        "name": "Ada Lovelace",
        "street": "12 St James's Square",
        "city": "London",
        "postal_code": "SW1Y 4JH",
        "country": "GB",
    })
}

fn item() -> Value {
    json!({
        "sku": "TEA-0001",
        "name": "Sencha",
        "quantity": 2,
        "price": {"amount": 1299, "currency": "EUR"},
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
