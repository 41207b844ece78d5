//! The operations of recommendations.

use chassis::openapi::Api;
use chassis::page::Page;
use serde_json::{Value, json};

use super::{FeedQuery, StatusView, View};

fn api() -> Api {
    let mut api = Api::new("catalog");
    api.operation(
        "listAlsoBought",
        "List products that are often bought together with a product",
        "The most frequent ones first, then popular and new products. The same for an unknown \
         product, without the first group.",
    )
    .parameters(["limit"])
    .ok::<Page<View>>("Products.", &page("also_bought"));
    api.operation(
        "listRecommendations",
        "List recommended products",
        "Based on the purchases of the caller, without products that the caller has bought. \
         Without a token, or before the first purchase, popular and new products.",
    )
    .parameters(["limit"])
    .query::<FeedQuery>()
    .ok::<Page<View>>("Products.", &page("popular"));
    api.operation(
        "getRecommendationsStatus",
        "Get the state of the recommendations",
        "The size of the local copy of the catalog, and its age.",
    )
    .tag("administration")
    .ok::<StatusView>(
        "The state.",
        &json!({
            "name": "recommendations",
            "entries": 240,
            "removed": 0,
            "last_event_at": "2026-01-31T12:00:00.000Z",
            "last_received_at": "2026-01-31T12:00:00.000Z",
            "staleness_ms": 12,
        }),
    );
    api
}

fn page(reason: &str) -> Value {
    json!({
        "items": [
            {
                "sku": "KIT-0007",
                "name": "Teapot",
                "category": "Kitchen",
                "price": {"amount": 3999, "currency": "EUR"},
                "image": "/images/KIT-0007.svg",
                "reason": reason,
            },
        ],
        "next_cursor": null,
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
