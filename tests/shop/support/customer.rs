//! Customers.

use super::{Api, PASSWORD, Shop, eventually, unique};
use harness::Answer;
use serde_json::{Value, json};
use std::time::Duration;

/// The timeout for the decision about an order, with a provider that does not respond.
const DECISION: Duration = Duration::from_secs(240);

/// A registered customer, signed in.
#[derive(Clone)]
pub(crate) struct Customer {
    pub(crate) api: Api,
    pub(crate) id: String,
    pub(crate) email: String,
    /// The response to the sign-in.
    pub(crate) session: Value,
}

/// A body of `POST /api/v1/orders`.
pub(crate) fn order(items: &[(&str, u32)], method: &str) -> Value {
    let lines: Vec<Value> =
        items.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    json!({
        "items": lines,
        "shipping_address": {
            "name": "Ada Lovelace",
            "street": "12 St James's Square",
            "city": "London",
            "postal_code": "SW1Y 4JH",
            "country": "GB",
        },
        "payment_method": method,
    })
}

impl Customer {
    pub(crate) async fn new(shop: &Shop) -> Self {
        let visitor = shop.visitor();
        let email = format!("{}@example.org", unique().to_lowercase());
        let person = json!({"email": email, "password": PASSWORD, "name": "Ada Lovelace"});
        visitor.post_when_free("/api/v1/users", &person).await.expect(202);
        let mut customer = Self::sign_in(shop, "", &email).await;
        let user = customer.api.get("/api/v1/users/me").await.expect(200).json();
        user["id"].as_str().expect("an id").clone_into(&mut customer.id);
        customer
    }

    /// The same customer with a new session.
    pub(crate) async fn sign_in(shop: &Shop, id: &str, email: &str) -> Self {
        let visitor = shop.visitor();
        let credentials = json!({"email": email, "password": PASSWORD});
        let session =
            visitor.post_when_free("/api/v1/sessions", &credentials).await.expect(200).json();
        let token = session["access_token"].as_str().expect("a token");
        let api = visitor.bearer(token);
        Self { api, id: id.to_owned(), email: email.to_owned(), session }
    }

    /// Sends an order under an idempotency key.
    pub(crate) async fn place(&self, key: &str, order: &Value) -> Answer {
        let key = format!("\"{key}\"");
        self.api.with("idempotency-key", &key).post("/api/v1/orders", order).await
    }

    /// Places an order and waits until it is decided.
    pub(crate) async fn buy(&self, items: &[(&str, u32)], method: &str) -> Value {
        let placed = self.place(&unique(), &order(items, method)).await;
        assert!([201, 202].contains(&placed.status.as_u16()), "{}", placed.text());
        let order = placed.json();
        let id = order["id"].as_str().expect("an id");
        assert_eq!(placed.header("location"), format!("/api/v1/orders/{id}"));
        assert_eq!(order["status"] == "pending", placed.status == 202, "{order}");
        self.decided(id).await
    }

    /// The order, once it is no longer pending.
    pub(crate) async fn decided(&self, id: &str) -> Value {
        eventually(&format!("{id} is decided"), DECISION, async || {
            let order = self.order(id).await;
            (order["status"] != "pending").then_some(order)
        })
        .await
    }

    /// The order, once it has this status.
    pub(crate) async fn with_status(&self, id: &str, status: &str) -> Value {
        eventually(&format!("{id} is {status}"), DECISION, async || {
            let order = self.order(id).await;
            (order["status"] == status).then_some(order)
        })
        .await
    }

    pub(crate) async fn order(&self, id: &str) -> Value {
        self.api.get(&format!("/api/v1/orders/{id}")).await.expect(200).json()
    }

    /// All orders of this customer, newest first.
    pub(crate) async fn all_orders(&self) -> Vec<Value> {
        self.api.all("/api/v1/orders", 100).await
    }
}
