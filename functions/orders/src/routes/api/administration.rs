//! The operations of administrators.

use chassis::openapi::Api;
use serde_json::json;

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
                {
                    "name": "reserve",
                    "status": "done",
                    "attempts": 1,
                    "compensation": {
                        "name": "release",
                        "status": "registered",
                        "attempts": 0,
                    },
                },
                {
                    "name": "authorize",
                    "status": "done",
                    "attempts": 2,
                    "compensation": {
                        "name": "cancel_payment",
                        "status": "registered",
                        "attempts": 0,
                    },
                },
                {
                    "name": "capture",
                    "status": "done",
                    "attempts": 1,
                    "compensation": {
                        "name": "cancel_payment",
                        "status": "registered",
                        "attempts": 0,
                    },
                },
                {
                    "name": "commit",
                    "status": "started",
                    "attempts": 24,
                    "compensation": {
                        "name": "take_back",
                        "status": "registered",
                        "attempts": 0,
                    },
                },
                {
                    "name": "ship",
                    "status": "pending",
                    "attempts": 0,
                    "compensation": {
                        "name": "cancel_shipment",
                        "status": "none",
                        "attempts": 0,
                    },
                },
                {
                    "name": "clear_cart",
                    "status": "pending",
                    "attempts": 0,
                    "compensation": null,
                },
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
    .ok::<OrderView>("The order after the first new attempts.", &order())
    .headers(["ETag", "X-Projection-Position"])
    .problems([404, 409]);
}
