//! The operations of the order history.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::openapi::{Api, Operation};
use chassis::page::Page;
use chassis::{Problem, ProblemType};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::view::{AdminView, FiguresView, OrderView, StartedView, StatusView};
use crate::domain::{QUERY_CHARS_MAX, STATUSES};

/// The position of an event in an order.
const POSITION: &str = "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11.3";
const WAITS: &str = "Waits up to half a second until this event of an order is processed: \
                     `<order id>.<sequence>`. If it is not processed by then, the response is 503 \
                     `projection-behind`.";
const RETURNED: &str = "An event that this response includes: that of the order, or the requested \
                        one, or that of the first order.";

#[derive(JsonSchema)]
struct Search {
    /// Only orders with this status.
    #[schemars(extend("enum" = STATUSES))]
    status: Option<String>,
    /// Part of the name or SKU of a product in the order.
    #[schemars(length(max = QUERY_CHARS_MAX))]
    q: Option<String>,
    /// Placed at or after: a day or a time, UTC.
    #[schemars(extend("example" = "2026-01-31"))]
    from: Option<String>,
    /// Placed before: a day or a time, UTC.
    #[schemars(extend("example" = "2026-01-31"))]
    to: Option<String>,
    #[schemars(flatten)]
    seen: Seen,
}

#[derive(JsonSchema)]
struct AdminSearch {
    /// Only orders of this user.
    #[schemars(length(max = 100), extend("example" = "usr_0192f0c0-7a10-7c3e-9d5b-2f1f5f0a9c10"))]
    user_id: Option<String>,
    #[schemars(flatten)]
    search: Search,
}

#[derive(JsonSchema)]
struct Seen {
    /// The same as the header `X-Projection-Position`.
    position: Option<String>,
}

#[derive(JsonSchema)]
struct Days {
    /// The first day.
    #[schemars(extend("example" = "2026-01-31"))]
    from: Option<String>,
    /// The day after the last.
    #[schemars(extend("example" = "2026-01-31"))]
    to: Option<String>,
}

fn api() -> Api {
    let mut api = Api::new("administration");
    customers(&mut api);
    administration(&mut api);
    projection(&mut api);
    api
}

fn customers(api: &mut Api) {
    positioned(api.operation(
        "listOrderHistory",
        "Search own orders",
        "Newest first, from the read model, which follows the orders with a short delay. A page \
         can be shorter than requested and still have a cursor.",
    )
        .tag("orders")
        .query::<Search>()
        .paged()
        .ok::<Page<OrderView>>("A page.", &json!({"items": [order()], "next_cursor": null})));
    positioned(
        api.operation(
            "getOrderFromHistory",
            "Get an order from the read model",
            "An order of the caller; administrators can read all.",
        )
        .tag("orders")
        .query::<Seen>()
        .ok::<OrderView>("The order.", &order())
        .problems([404]),
    );
}

fn administration(api: &mut Api) {
    let mut found = order();
    found["customer"] =
        json!({"user_id": "usr_0192f0c0-7a10-7c3e-9d5b-2f1f5f0a9c10", "name": "Ada Lovelace"});
    found["parked"] = Value::Null;
    positioned(
        api.operation(
            "searchOrders",
            "Search all orders",
            "Newest first, with the names of customers as far as events contain them.",
        )
        .query::<AdminSearch>()
        .paged()
        .ok::<Page<AdminView>>("A page.", &json!({"items": [found], "next_cursor": null})),
    );
    api.operation(
        "getOrderSummary",
        "Get the sales of each day",
        "By the day of the order and by currency, newest first: the last 30 days, or the \
         requested ones, at most 92.",
    )
    .query::<Days>()
    .ok::<Page<FiguresView>>(
        "The figures.",
        &json!({
            "items": [
                {
                    "day": "2026-01-31",
                    "currency": "EUR",
                    "orders": 3,
                    "confirmed": 2,
                    "cancelled": 1,
                    "rejected": 0,
                    "revenue": {"amount": 5196, "currency": "EUR"},
                },
            ],
            "next_cursor": null,
        }),
    );
}

fn projection(api: &mut Api) {
    api.operation(
        "getOrderHistoryStatus",
        "Get the state of the read model of orders",
        "Its size, its lag behind the event log, and a digest of its content.",
    )
    .ok::<StatusView>(
        "The state.",
        &json!({
            "name": "order-history",
            "entries": 12,
            "names": 5,
            "last_event_at": "2026-01-31T12:00:00.000Z",
            "lag_events": 0,
            "lag_seconds": 0.0,
            "staleness_ms": 0,
            "dead_letters": 0,
            "generation": 1,
            "rebuilt_at": null,
            "rebuild": null,
            "digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        }),
    );
    api.operation(
        "rebuildOrderHistory",
        "Rebuild the read model of orders",
        "From the event log, while the present one is in use. A request during a rebuild returns \
         that rebuild.",
    )
    .json::<StartedView>(
        202,
        "The rebuild is in progress.",
        &json!({"name": "order-history", "generation": 2}),
    )
    .headers(["Location"])
    .problems([409]);
}

/// A read that can wait for an event, and returns the position of one.
fn positioned(operation: Operation<'_>) {
    operation
        .parameter(json!({
            "name": "X-Projection-Position",
            "in": "header",
            "description": WAITS,
            "schema": {"type": "string"},
            "example": POSITION,
        }))
        .header(
            "X-Projection-Position",
            json!({ "description": RETURNED, "schema": {"type": "string"} }),
        )
        .problem(
            "A service is unavailable, or the requested event is not processed yet \
             (`projection-behind`).",
            &Problem::new(ProblemType::ProjectionBehind)
                .detail("The event is not processed yet.")
                .extension("position", POSITION),
        );
}

fn order() -> Value {
    json!({
        "id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
        "status": "shipped",
        "items": [item()],
        "total": {"amount": 2598, "currency": "EUR"},
        "parcels": [parcel()],
        "created_at": "2026-01-31T12:00:00.000Z",
        "updated_at": "2026-01-31T12:00:00.000Z",
        "sequence": 3,
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

fn parcel() -> Value {
    json!({
        "id": "shp_0192f0c2-7a10-7c3e-9d5b-2f1f5f0a9c12",
        "courier": "Hermes",
        "tracking_code": "H-123",
        "status": "in_transit",
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
