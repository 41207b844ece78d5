//! The operations of operators.
#![allow(dead_code, reason = "these types only describe what is sent")]

use std::collections::BTreeMap;

use chassis::openapi::{Api, Time};
use chassis::page::Page;
use schemars::JsonSchema;
use serde_json::json;

use super::events::{LetterView, Replayed, SubscriptionView};
use super::{Asked, Report};

/// A time span, by when events became durable.
#[derive(JsonSchema)]
struct Span {
    from: Time,
    /// Not included.
    until: Time,
}

/// CloudEvents 1.0, JSON format.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct CloudEvent {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    id: String,
    source: String,
    r#type: String,
}

/// The status that each function has returned.
type Swept = BTreeMap<&'static str, Option<u16>>;

fn api() -> Api {
    let mut api = Api::new("administration");
    books(&mut api);
    subscriptions(&mut api);
    dead_letters(&mut api);
    api
}

fn books(api: &mut Api) {
    let report = json!({
        "checked_at": "2026-01-31T12:00:00.000Z",
        "updated_at": "2026-01-31T12:00:02.000Z",
        "complete": true,
        "reading": null,
        "parts_checked": 64,
        "parts": 64,
        "blocked_by": null,
        "violations": [
            {
                "rule": "money-held",
                "detail": "500 EUR held",
                "ids": [
                    "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
                    "pay_0192f0c4-7a10-7c3e-9d5b-2f1f5f0a9c40",
                ],
            },
        ],
        "checked": {"orders": 41, "payments": 40, "events": 230},
    });
    api.operation(
        "reconcile",
        "Reconcile all books",
        "Reads the books of orders, payments, inventory, shipping and notifications, the payment \
         provider's statement, the event log and the read model, and checks the invariants across \
         them. Work in progress is not a violation unless it takes too long. What takes longer \
         than some seconds goes on in the background. Replaces a reconciliation in progress.",
    )
    .query::<Asked>()
    .ok::<Report>("All books were compared: an empty list of violations if they agree.", &report)
    .json::<Report>(202, "The reconciliation goes on. Read it again later.", &report);
    api.operation(
        "getReconciliation",
        "Read the last reconciliation",
        "The violations, and how far it is.",
    )
    .ok::<Report>("Complete or in progress.", &report)
    .problems([404]);
    api.operation(
        "sweep",
        "Run all due background work",
        "For hosts without schedules, to be called by a cron job every few seconds.",
    )
    .ok::<Swept>(
        "The status that each component has returned; null if it did not respond in time or \
         does not run.",
        &json!({"orders": 200, "events": null}),
    );
}

fn subscriptions(api: &mut Api) {
    api.operation(
        "listSubscriptions",
        "List subscriptions",
        "All subscriptions, each with its types of events, its components and its lag.",
    )
    .ok::<Page<SubscriptionView>>(
        "All subscriptions.",
        &json!({
            "items": [
                {
                    "name": "notifications",
                    "components": ["notifications"],
                    "types": ["com.shop.orders.order.*"],
                    "lag": 2,
                    "lag_ms": 140,
                    "held": 1,
                    "retrying": 0,
                    "dead": 1,
                },
            ],
            "next_cursor": null,
        }),
    );
    api.operation(
        "replaySubscription",
        "Replay a time span",
        "Delivers the events of a time span to one subscription again. It must tolerate repeated \
         events.",
    )
    .body::<Span>(&json!({"from": "2026-01-31T11:00:00.000Z", "until": "2026-01-31T12:00:00.000Z"}))
    .json::<Replayed>(202, "The events will be delivered.", &json!({"events": 17}))
    .problems([404, 422]);
    api.operation(
        "replayKey",
        "Replay the events of a key",
        "Delivers all dead letters of a partition key (for example an order id) and the events \
         that waited for them again, in order.",
    )
    .json::<Replayed>(202, "The events will be delivered.", &json!({"events": 3}))
    .problems([404]);
}

fn dead_letters(api: &mut Api) {
    api.operation(
        "listDeadLetters",
        "List dead letters",
        "With the reason and the last response of the subscriber.",
    )
    .paged()
    .ok::<Page<LetterView>>(
        "A page.",
        &json!({
            "items": [
                {
                    "id": "dl_17",
                    "subscription": "notifications",
                    "reason": "rejected",
                    "detail": "422 Unprocessable Content",
                    "attempts": 1,
                    "first_seen_at": "2026-01-31T12:00:00.000Z",
                    "died_at": "2026-01-31T12:00:00.000Z",
                    "event": {
                        "specversion": "1.0",
                        "id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11.2",
                        "source": "/shop/orders",
                        "type": "com.shop.orders.order.confirmed.v1",
                        "subject": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
                        "time": "2026-01-31T12:00:00.000Z",
                        "partitionkey": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
                        "sequence": "2",
                        "datacontenttype": "application/json",
                        "data": {
                            "order_id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
                            "status": "confirmed",
                        },
                    },
                },
            ],
            "next_cursor": null,
        }),
    );
    api.operation(
        "discardDeadLetter",
        "Discard a dead letter",
        "The events of its key that waited for it are delivered without it. The event stays in \
         the log.",
    )
    .empty(204, "The dead letter was discarded.")
    .problems([404]);
    api.operation(
        "replayDeadLetter",
        "Replay a dead letter",
        "Delivers the event again, with a new set of attempts, and then the events of its key \
         that waited for it.",
    )
    .empty(202, "The event will be delivered.")
    .problems([404]);
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
