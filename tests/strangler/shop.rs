//! The older shop, before and after.

use crate::load::Pace;
use harness::{Client, Host, HostBuilder, repository};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The kind of a request.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Messages,
    Orders,
    Order,
    NewOrder,
}

/// A running shop with customers, a connection for each.
pub(crate) struct Shop {
    pub(crate) name: &'static str,
    /// The component that sends messages.
    pub(crate) sender: &'static str,
    pub(crate) host: Host,
    customers: Vec<(Client, String)>,
}

impl Shop {
    /// The older shop alone.
    pub(crate) async fn before() -> Shop {
        let host = HostBuilder::new(manifest("before.toml")).start().await;
        let customers = customers(&host).await;
        Shop { name: "before", sender: "legacy", host, customers }
    }

    /// All families on the new side.
    pub(crate) async fn after() -> Shop {
        let builder =
            HostBuilder::new(manifest("spin.toml")).variable("courier_simulation_ms", "0");
        let host = builder.start().await;
        let operator = host.client().bearer("facade operator");
        operator.post("/facade/articles", &json!({})).await.expect(200);
        operator.post("/facade/past", &json!({})).await.expect(200);
        for family in ["notifications", "order-reads", "orders"] {
            let path = format!("/facade/modes/{family}");
            operator.put(&path, &json!({"mode": "new"})).await.expect(200);
        }
        let customers = customers(&host).await;
        Shop { name: "after", sender: "notifications", host, customers }
    }

    /// Sends a request of this kind over a connection. `number` makes its reference unique.
    pub(crate) async fn request(&self, connection: usize, kind: Kind, number: u64) {
        let (client, order) = &self.customers[connection];
        match kind {
            Kind::Messages => client.get("/legacy/api/notifications").await.expect(200),
            Kind::Orders => client.get("/legacy/api/orders").await.expect(200),
            Kind::Order => client.get(&format!("/legacy/api/orders/{order}")).await.expect(200),
            Kind::NewOrder => place(client, &format!("load-{number}")).await,
        };
    }

    /// The number of its components that serve something.
    pub(crate) fn components(&self) -> usize {
        let file = if self.name == "before" { "before.toml" } else { "spin.toml" };
        let text = std::fs::read_to_string(manifest(file)).expect("a manifest");
        let manifest: Value =
            serde_json::to_value(text.parse::<toml::Table>().expect("TOML")).expect("JSON");
        let components = manifest["component"].as_object().expect("components");
        let serves =
            |tessera: &Value| tessera["bridges"].is_null() && tessera["stock_only"].is_null();
        components.values().filter(|component| serves(&component["tool"]["tessera"])).count()
    }
}

/// Customers with one order each, which both sides know.
async fn customers(host: &Host) -> Vec<(Client, String)> {
    let mut customers = Vec::new();
    for number in 0..Pace::CONNECTIONS {
        let new = json!({
            "email": format!("customer-{number}@example.com"), "name": "Ada",
            "password": "a password of nine words",
        });
        let created = host.client().post("/legacy/api/users", &new).await.expect(201).json();
        let client =
            host.client().with("x-session", created["session"].as_str().expect("a session"));
        let placed = place(&client, "first").await.json();
        let order = placed["order"].as_str().expect("a number").to_owned();
        let path = format!("/legacy/api/orders/{order}");
        harness::eventually(
            "the order can be read",
            std::time::Duration::from_secs(30),
            async || (client.get(&path).await.status == 200).then_some(()),
        )
        .await;
        customers.push((client, order));
    }
    customers
}

async fn place(client: &Client, reference: &str) -> harness::Answer {
    let order = json!({
        "reference": reference,
        "articles": [{"article": "OLD-0001", "pieces": 1}],
        "ship_to":
            {"name": "Ada", "street": "1 Main St", "city": "London", "zip": "N1", "country": "GB"},
        "card": "tok_approved",
    });
    client.post("/legacy/api/orders", &order).await.expect(201)
}

fn manifest(file: &str) -> PathBuf {
    repository().join("deploy/strangler").join(file)
}
