//! A customer of a shop that may be gone at any moment.

use crate::support::{Customer, PASSWORD};
use harness::{Answer, Client};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The access tokens that customers use now, by customer id.
pub(super) type Tokens = Mutex<BTreeMap<String, String>>;

/// Somebody who takes no answer for an answer, and who signs in again when the token is good for
/// nothing any more, as an app does for its user.
pub(super) struct Buyer {
    client: Client,
    id: String,
    email: String,
    tokens: Arc<Tokens>,
}

impl Buyer {
    /// `client` has no token.
    pub(super) fn new(client: Client, customer: &Customer, tokens: Arc<Tokens>) -> Self {
        let token = customer.session["access_token"].as_str().expect("a token").to_owned();
        tokens.lock().expect("tokens").entry(customer.id.clone()).or_insert(token);
        Self { client, id: customer.id.clone(), email: customer.email.clone(), tokens }
    }

    /// Places an order under a key; none if there was no answer.
    pub(super) async fn place(&self, key: &str, body: &Value) -> Option<Answer> {
        let key = format!("\"{key}\"");
        self.send(Method::POST, "/api/v1/orders", &[("idempotency-key", &key)], body).await
    }

    /// Calls an order off; none if there was no answer.
    pub(super) async fn cancel(&self, id: &str) -> Option<Answer> {
        self.send(Method::POST, &format!("/api/v1/orders/{id}/cancel"), &[], &json!({})).await
    }

    /// Puts one piece into the cart; none if there was no answer.
    pub(super) async fn fill_cart(&self, sku: &str) -> Option<Answer> {
        let path = format!("/api/v1/cart/items/{sku}");
        self.send(Method::PUT, &path, &[], &json!({"quantity": 1})).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: &Value,
    ) -> Option<Answer> {
        let send = async || {
            let client = self.client.bearer(&self.token());
            let client =
                fields.iter().fold(client, |client, (name, value)| client.with(name, value));
            try_send(&client, method.clone(), path, body).await
        };
        let answer = send().await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Some(answer);
        }
        self.sign_in().await?;
        send().await
    }

    fn token(&self) -> String {
        self.tokens.lock().expect("tokens")[&self.id].clone()
    }

    async fn sign_in(&self) -> Option<()> {
        let credentials = json!({"email": self.email, "password": PASSWORD});
        let answer = try_send(&self.client, Method::POST, "/api/v1/sessions", &credentials).await?;
        if answer.status != StatusCode::OK {
            return None;
        }
        let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
        self.tokens.lock().expect("tokens").insert(self.id.clone(), token);
        Some(())
    }
}

async fn try_send(client: &Client, method: Method, path: &str, body: &Value) -> Option<Answer> {
    let body = body.to_string();
    client.try_send(method, path, Some("application/json"), body.into()).await.ok()
}
