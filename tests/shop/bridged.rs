//! The shop composed as on stock Spin: each importer is composed with its bridges, which call the
//! other functions by HTTP.
//!
//! The components and the manifest are the same, without the tables that only Tessera reads: no
//! links, subscriptions or schedules. Events go through the broker function.

use crate::support::{Customer, Shop, eventually};
use harness::{HostBuilder, repository};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use toml::{Table, Value};

/// The timeout for the event of an order.
const LEARNING: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_shop_with_bridges_works_in_the_same_way() {
    let folder = TempDir::new().unwrap();
    let manifest = without_tool_tables(&folder);
    let own = Shop::own(|_| {
        let host = HostBuilder::new(manifest).variable("courier_simulation_ms", "0");
        host.variable("feature_flags", &flags_for_all())
    });
    let Some(shop) = own.await else { return };
    let admin = shop.admin().await;
    admin.post("/api/v1/admin/import", &json!({})).await.expect(200);
    let ada = Customer::new(&shop).await;
    let sku = shop.product(&admin, 5).await;

    // The catalog calls inventory, and orders calls nearly all functions.
    let product = ada.api.get(&format!("/api/v1/products/{sku}")).await.expect(200).json();
    assert_eq!(product["available"], 5);
    let order = ada.buy(&[(&sku, 2)], "tok_lost_answer").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    assert_eq!(admin.stock(&sku).await, [5, 3, 0, 2]);
    let order = ada.buy(&[(&sku, 2)], "tok_declined").await;
    assert_eq!(order["status"], "rejected", "{order}");
    assert_eq!(admin.stock(&sku).await, [5, 3, 0, 2]);
    // The bridge evaluates the flags of the variable.
    let other = shop.product(&admin, 5).await;
    ada.buy(&[(&sku, 1), (&other, 1)], "tok_approved").await;
    let path = format!("/api/v1/recommendations?cart={sku}");
    eventually("the order is counted", LEARNING, async || {
        let page = ada.api.get(&path).await.expect(200).json();
        (page["items"][0]["sku"] == other).then_some(())
    })
    .await;

    // No call used a link.
    let host = shop.host().expect("a process");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tessera_chained_request_duration_seconds_count{"), "{metrics}");
    assert!(!metrics.contains("tessera_link_call_duration_seconds_count{"), "{metrics}");
}

/// Flags that all customers have, also by a split.
fn flags_for_all() -> String {
    let split = json!([{ "variant": "on", "weight": 1 }]);
    json!({ "flags": { "cart-recommendations": {
        "type": "boolean", "variants": { "on": true, "off": false }, "default_variant": "off",
        "rules": [{ "split": split }],
    } } })
    .to_string()
}

/// The manifest without `tool` tables, in a temporary folder.
fn without_tool_tables(folder: &TempDir) -> PathBuf {
    let text = std::fs::read_to_string(repository().join("spin.toml")).unwrap();
    let mut manifest: Table = toml::from_str(&text).unwrap();
    let settings = manifest["application"]["tool"]["tessera"].as_table_mut().unwrap();
    settings.remove("flags");
    for (_, component) in manifest["component"].as_table_mut().unwrap() {
        let component = component.as_table_mut().unwrap();
        component.remove("tool");
        let source = repository().join(component["source"].as_str().unwrap());
        component.insert("source".to_owned(), Value::from(source.to_str().unwrap()));
    }
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, toml::to_string(&manifest).unwrap()).unwrap();
    path
}
