//! Feature flags: recommendations for a cart, which an operator gives to some customers.

use crate::support::{Api, Customer, Shop, eventually};
use harness::{Client, Host, repository};
use serde_json::{Value, json};
use std::time::Duration;

const FLAG: &str = "/flags/cart-recommendations";
/// The timeout for the event of an order.
const LEARNING: Duration = Duration::from_secs(60);

/// The definition with these rules.
fn definition(rules: &Value) -> Value {
    let file = std::fs::read_to_string(repository().join("feature-flags.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let mut definition = file["flags"]["cart-recommendations"].clone();
    definition["rules"] = rules.clone();
    definition
}

fn split(percent: u32) -> Value {
    definition(&json!([{ "split": [
        { "variant": "on", "weight": percent }, { "variant": "off", "weight": 100 - percent },
    ] }]))
}

/// What is recommended for a cart with this product.
async fn recommended(api: &Api, sku: &str) -> Vec<String> {
    let path = format!("/api/v1/recommendations?cart={sku}");
    let page = api.get(&path).await.expect(200).json();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["sku"].as_str().unwrap().to_owned()).collect()
}

/// Whether the flag is on for a customer, for clients other than the shop.
async fn is_on(host: &Host, customer: &Customer) -> bool {
    let admin = Client::new(&format!("http://{}", host.admin_address()));
    let body = json!({ "context": { "targetingKey": customer.id } });
    let path = "/ofrep/v1/evaluate/flags/cart-recommendations";
    admin.post(path, &body).await.expect(200).json()["value"] == true
}

#[tokio::test]
async fn an_operator_gives_a_feature_to_some_customers() {
    let shop = Shop::shared().await;
    let Some(host) = shop.host() else {
        return skipped::because("it changes the flags of the host, and TESSERA_BASE_URL is set");
    };
    let admin = shop.admin().await;
    let (tea, pot) = (shop.product(&admin, 5).await, shop.product(&admin, 5).await);
    let (ada, bob) = (Customer::new(shop).await, Customer::new(shop).await);
    let eve = Customer::new(shop).await;
    let customers = [&ada, &bob, &eve];
    let order = ada.buy(&[(&tea, 1), (&pot, 1)], "tok_approved").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    assert_eq!(recommended(&ada.api, &tea).await, [""; 0], "it is off by default");

    let only_ada = json!([{
        "when": [{ "attribute": "targetingKey", "operator": "in", "values": [ada.id] }],
        "variant": "on",
    }]);
    host.admin().put(&format!("{FLAG}?by=ann"), &definition(&only_ada)).await.expect(200);
    eventually("the order is counted", LEARNING, async || {
        let found = recommended(&ada.api, &tea).await;
        (!found.is_empty()).then(|| assert_eq!(found, std::slice::from_ref(&pot)))
    })
    .await;
    for other in [&bob.api, &eve.api, &shop.visitor()] {
        assert_eq!(recommended(other, &tea).await, [""; 0]);
    }

    // A share of the customers: always the same ones, and more as it grows.
    let mut before = [false; 3];
    for percent in [0, 30, 70, 100] {
        host.admin().put(FLAG, &split(percent)).await.expect(200);
        for (customer, before) in customers.iter().zip(&mut before) {
            let expected = is_on(host, customer).await;
            for _ in 0..3 {
                let found = recommended(&customer.api, &tea).await;
                assert_eq!(found.is_empty(), !expected, "{} at {percent} %", customer.id);
            }
            assert!(expected || !*before, "{} has lost it at {percent} %", customer.id);
            *before = expected;
        }
        assert!(percent != 0 || before == [false; 3], "{before:?}");
    }
    assert_eq!(before, [true; 3]);
    // Visitors have no key for a split.
    assert_eq!(recommended(&shop.visitor(), &tea).await, [""; 0]);
    host.admin().post(&format!("{FLAG}/disable"), &json!({})).await.expect(200);
    assert_eq!(recommended(&ada.api, &tea).await, [""; 0], "at once");
    host.admin().delete(FLAG).await.expect(204);
}

#[test]
fn stock_spin_has_the_same_flags_by_default() {
    let manifest = std::fs::read_to_string(repository().join("spin.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let default = manifest["variables"]["feature_flags"]["default"].as_str().unwrap();
    let default: Value = serde_json::from_str(default).unwrap();
    let file = std::fs::read_to_string(repository().join("feature-flags.json")).unwrap();
    assert_eq!(default, serde_json::from_str::<Value>(&file).unwrap());
}
