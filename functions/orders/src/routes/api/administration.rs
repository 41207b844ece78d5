//! The operations of administrators.

use chassis::openapi::Api;
use serde_json::{Value, json};

use super::order;
use crate::routes::saga::SagaView;
use crate::routes::view::OrderView;

pub(super) fn operations(api: &mut Api) {
    api.operation(
        "getOrderSaga",
        "Get the checkout of an order",
        "Each step with its attempts and its compensation. Reading does not continue the \
         checkout.",
    )
    .tag("administration")
    .ok::<SagaView>(
        "The saga.",
        &json!({
            "order_id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
            "status": "pending",
            "direction": "forward",
            "parked": {
                "reason": "failed 24 times, last: the store is unavailable",
                "since": "2026-01-31T15:20:00.000Z",
            },
            "steps": [
                step("reserve", "done", 1, &compensation("release", "registered")),
                step("authorize", "done", 2, &compensation("cancel_payment", "registered")),
                step("capture", "done", 1, &compensation("cancel_payment", "registered")),
                step("commit", "started", 24, &compensation("take_back", "registered")),
                step("ship", "pending", 0, &compensation("cancel_shipment", "none")),
                step("clear_cart", "pending", 0, &Value::Null),
            ],
        }),
    )
    .problems([404]);
    api.operation(
        "resumeOrder",
        "Resume a parked checkout",
        "A checkout that has failed too often waits for an administrator. When the cause is \
         fixed, this continues it from the same step.",
    )
    .tag("administration")
    .ok::<OrderView>("The order after the first new attempts.", &order("confirmed"))
    .headers(["ETag", "X-Projection-Position"])
    .problems([404, 409]);
}

fn step(name: &str, status: &str, attempts: u32, compensation: &Value) -> Value {
    json!({"name": name, "status": status, "attempts": attempts, "compensation": compensation})
}

fn compensation(name: &str, status: &str) -> Value {
    json!({"name": name, "status": status, "attempts": 0})
}
