//! The routes of orders over the simulation.

use chassis::testing::{Client, Issuer, Reply};
use orders::routes::{Api, router};
use serde_json::{Value, json};

use super::Simulation;

pub(crate) const ADA: &str = "usr_ada";

pub(crate) struct Shop {
    pub(crate) simulation: Simulation,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self { simulation: Simulation::new() }
    }

    /// A client of a new process.
    pub(crate) fn client(&self) -> Client {
        Client::new(router(Api {
            orders: self.simulation.process(),
            store: self.simulation.stopping_store(),
            keys: Issuer::new().key_set(),
        }))
    }

    pub(crate) fn customer(&self) -> Client {
        self.client().customer(ADA)
    }

    pub(crate) fn admin(&self) -> Client {
        self.client().admin()
    }

    /// Sends an order of a customer with this idempotency key.
    pub(crate) async fn order(&self, user: &str, key: &str, body: &Value) -> Reply {
        let client = self.client().customer(user).with("idempotency-key", key);
        client.post("/api/v1/orders", body).await
    }

    /// Places an order and returns it.
    pub(crate) async fn place(&self) -> Value {
        self.order(ADA, &chassis::id::new("key"), &body()).await.json
    }

    /// Sends a request without a body.
    pub(crate) async fn post(&self, client: Client, path: &str) -> Reply {
        client.text("POST", path, "").await
    }
}

pub(crate) fn body() -> Value {
    json!({
        "items": [{"sku": "SKU-1", "quantity": 2}],
        "shipping_address": {
            "name": "Ada", "street": "Hauptstr. 1", "city": "Wien",
            "postal_code": "1010", "country": "AT",
        },
        "payment_method": "tok_approved",
    })
}
