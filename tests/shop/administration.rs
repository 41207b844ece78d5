//! Operations of administrators.

use crate::support::{Customer, Shop, product, unique};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn operations_of_administrators_are_refused_for_others() {
    let shop = Shop::shared().await;
    let (visitor, customer) = (shop.visitor(), Customer::new(shop).await.api);
    let mut count = 0;
    for (path, item) in shop.description().document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] != json!([{"bearer": ["admin"]}]) {
                continue;
            }
            count += 1;
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace(['{', '}'], "");
            let (kind, body) = match operation["requestBody"].is_object() {
                true => (Some("application/json"), "{}"),
                false => (None, ""),
            };
            let refused = visitor.send(method.clone(), &path, kind, body).await;
            refused.problem(401);
            assert!(refused.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
            customer.send(method, &path, kind, body).await.problem(403);
        }
    }
    assert!(count > 30, "{count} operations");
}

#[tokio::test]
async fn a_product_is_created_once_and_changed() {
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
async fn received_pieces_are_set_to_a_total() {
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
async fn templates_have_immutable_versions() {
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
