//! What only administrators may do.

use crate::support::{Customer, Shop, product, unique};
use http::Method;
use serde_json::json;

/// Method, path and body of everything that needs the role.
fn everything() -> Vec<(Method, &'static str, Option<serde_json::Value>)> {
    let body = || Some(json!({}));
    vec![
        (Method::POST, "/api/v1/products", body()),
        (Method::PUT, "/api/v1/products/TEA-0001", body()),
        (Method::DELETE, "/api/v1/products/TEA-0001", None),
        (Method::GET, "/api/v1/inventory/TEA-0001", None),
        (Method::PUT, "/api/v1/inventory/TEA-0001", body()),
        (Method::GET, "/api/v1/payments/ledger", None),
        (Method::GET, "/api/v1/shipments/shp_1", None),
        (Method::POST, "/api/v1/shipments/shp_1/events", body()),
        (Method::GET, "/api/v1/templates", None),
        (Method::POST, "/api/v1/templates", body()),
        (Method::GET, "/api/v1/templates/welcome", None),
        (Method::GET, "/api/v1/templates/welcome/versions", None),
        (Method::POST, "/api/v1/templates/welcome/versions", body()),
        (Method::GET, "/api/v1/templates/welcome/versions/1", None),
        (Method::POST, "/api/v1/admin/import", body()),
        (Method::GET, "/api/v1/admin/orders/ord_1/saga", None),
        (Method::POST, "/api/v1/admin/orders/ord_1/resume", body()),
        (Method::POST, "/api/v1/notifications", body()),
        (Method::GET, "/api/v1/admin/queues", None),
        (Method::GET, "/api/v1/admin/queues/failed.queue", None),
        (Method::POST, "/api/v1/admin/queues/failed.queue/ntf_1/replay", body()),
        (Method::GET, "/api/v1/admin/projections/users", None),
        (Method::GET, "/api/v1/admin/order-history", None),
        (Method::GET, "/api/v1/admin/order-history/summary", None),
        (Method::GET, "/api/v1/admin/projections/order-history", None),
        (Method::POST, "/api/v1/admin/projections/order-history/rebuild", body()),
        (Method::GET, "/api/v1/admin/projections/recommendations", None),
        (Method::POST, "/api/v1/admin/sweep", None),
        (Method::GET, "/api/v1/admin/reconciliation", None),
        (Method::GET, "/api/v1/admin/subscriptions", None),
        (Method::POST, "/api/v1/admin/subscriptions/notifications-orders/replay", body()),
        (Method::GET, "/api/v1/admin/dead-letters", None),
        (Method::DELETE, "/api/v1/admin/dead-letters/x", None),
        (Method::POST, "/api/v1/admin/subscriptions/x/keys/y/replay", None),
        (Method::POST, "/api/v1/admin/dead-letters/d/replay", body()),
        (Method::GET, "/api/v1/admin/payments/pay_1", None),
        (Method::GET, "/api/v1/admin/signing-keys", None),
        (Method::POST, "/api/v1/admin/signing-keys", body()),
    ]
}

#[tokio::test]
async fn strangers_and_customers_are_kept_out() {
    let shop = Shop::shared().await;
    let (visitor, customer) = (shop.visitor(), Customer::new(shop).await.api);
    for (method, path, body) in everything() {
        let kind = body.as_ref().map(|_| "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let stranger = visitor.send(method.clone(), path, kind, body.clone()).await;
        stranger.problem(401);
        assert!(stranger.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        customer.send(method, path, kind, body).await.problem(403);
    }
}

#[tokio::test]
async fn the_list_of_what_is_kept_is_complete() {
    let shop = Shop::shared().await;
    let paths = shop.description().document()["paths"].as_object().unwrap();
    let mut described = 0;
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == json!([{"bearer": ["admin"]}]) {
                described += 1;
                let shape = |path: &str| path.split('/').count();
                let known = everything().into_iter().any(|(known, place, _)| {
                    known.as_str().to_lowercase() == *method && shape(place) == shape(path)
                });
                assert!(known, "{method} {path}");
            }
        }
    }
    assert_eq!(described, everything().len());
}

#[tokio::test]
async fn a_product_is_made_once_and_changed() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = format!("TEST-{}", unique());
    let made = admin.post("/api/v1/products", &product(&sku, 100)).await.expect(201);
    assert_eq!(made.header("location"), format!("/api/v1/products/{sku}"));
    admin.post("/api/v1/products", &product(&sku, 100)).await.expect(200);
    let taken = admin.post("/api/v1/products", &product(&sku, 200)).await.problem(409);
    assert_eq!(taken["type"], "/problems/sku-taken");
    let changed = admin.put(&format!("/api/v1/products/{sku}"), &product(&sku, 300)).await;
    assert_eq!(changed.expect(200).json()["price"]["amount"], 300);
    let shown = shop.visitor().get(&format!("/api/v1/products/{sku}")).await.expect(200).json();
    assert_eq!(shown["price"]["amount"], 300);
}

#[tokio::test]
async fn received_pieces_are_counted_absolutely() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, 10).await;
    let path = format!("/api/v1/inventory/{sku}");
    for received in [25, 25] {
        admin.put(&path, &json!({"received": received})).await.expect(200);
    }
    assert_eq!(admin.stock(&sku).await, [25, 25, 0, 0]);
    let ada = Customer::new(shop).await;
    ada.buy(&[(&sku, 20)], "tok_approved").await;
    admin.put(&path, &json!({"received": 19})).await.problem(409);
    assert_eq!(admin.stock(&sku).await, [25, 5, 0, 20]);
    admin.get("/api/v1/inventory/TEST-NEVER-RECEIVED").await.problem(404);
}

#[tokio::test]
async fn templates_have_versions_that_never_change() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let code = format!("scenario-{}", unique().to_lowercase());
    let text = |subject: &str| {
        json!({"language": "en", "subject": subject, "text": "Hello {{name}}",
               "html": "<p>Hello {{name}}</p>"})
    };
    let first = json!({"code": code, "default_language": "en", "texts": [text("First")]});
    admin.post("/api/v1/templates", &first).await.expect(201);
    admin.post("/api/v1/templates", &first).await.problem(409);
    let place = format!("/api/v1/templates/{code}");
    let second = json!({"default_language": "en", "texts": [text("Second")]});
    let made = admin.post(&format!("{place}/versions"), &second).await.expect(201).json();
    assert_eq!((&made["version"], &made["variables"]), (&json!(2), &json!(["name"])));
    let newest = admin.get(&place).await.expect(200).json();
    assert_eq!(newest["texts"][0]["subject"], "Second");
    let oldest = admin.get(&format!("{place}/versions/1")).await.expect(200).json();
    assert_eq!(oldest["texts"][0]["subject"], "First");
    admin.get(&format!("{place}/versions/3")).await.problem(404);
    assert_eq!(admin.all(&format!("{place}/versions"), 1).await.len(), 2);
    let all = admin.all("/api/v1/templates", 2).await;
    assert!(all.iter().any(|template| template["code"] == code.as_str()), "{all:?}");
}

#[tokio::test]
async fn the_books_balance_to_nothing_in_every_currency() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 9).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    for limit in [3, 100] {
        let ledger = admin.all("/api/v1/payments/ledger", limit).await;
        let mut sums = std::collections::BTreeMap::new();
        let mut ids = std::collections::BTreeSet::new();
        for posting in &ledger {
            assert!(ids.insert(posting["id"].to_string()), "{posting} comes twice");
            *sums.entry(posting["currency"].to_string()).or_insert(0) +=
                posting["amount"].as_i64().unwrap();
        }
        assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
        assert!(ledger.iter().any(|posting| posting["order_id"] == order["id"]));
    }
}
