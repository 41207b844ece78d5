//! The shop composed as on stock Spin: each importer is composed with its bridges, which call the
//! other functions by HTTP.
//!
//! The components and the manifest are the same, without the tables that only Tessera reads: no
//! links, subscriptions or schedules. Events go through the broker function.

use crate::support::{Customer, Shop};
use harness::{HostBuilder, repository};
use serde_json::json;
use std::path::PathBuf;
use tempfile::TempDir;
use toml::{Table, Value};

#[tokio::test]
async fn a_shop_with_bridges_works_in_the_same_way() {
    let folder = TempDir::new().unwrap();
    let manifest = without_tool_tables(&folder);
    let own = Shop::own(|_| HostBuilder::new(manifest).variable("courier_simulation_ms", "0"));
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

    // No call used a link.
    let host = shop.host().expect("a process");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tessera_chained_request_duration_seconds_count{"), "{metrics}");
    assert!(!metrics.contains("tessera_link_call_duration_seconds_count{"), "{metrics}");
}

/// The manifest without `tool` tables, in a temporary folder.
fn without_tool_tables(folder: &TempDir) -> PathBuf {
    let text = std::fs::read_to_string(repository().join("spin.toml")).unwrap();
    let mut manifest: Table = toml::from_str(&text).unwrap();
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
