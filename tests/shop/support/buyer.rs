//! A customer of a shop that may be killed at any moment.

use super::{Customer, PASSWORD};
use bytes::Bytes;
use harness::{Answer, Client};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a sign-in is repeated while the shop is overloaded.
const SIGN_INS_MAX: usize = 30;
/// The longest wait between two attempts, even if the shop requests more. Seconds.
const WAIT_MAX_S: u64 = 5;

/// The access tokens that customers use now, by customer id.
pub(crate) type Tokens = Mutex<BTreeMap<String, String>>;

/// A customer that accepts missing responses, and signs in again when the token has expired, like
/// an app does for its user.
pub(crate) struct Buyer {
    client: Client,
    id: String,
    email: String,
    tokens: Arc<Tokens>,
}

impl Buyer {
    /// `client` has no token.
    pub(crate) fn new(client: Client, customer: &Customer, tokens: Arc<Tokens>) -> Self {
        let token = customer.session["access_token"].as_str().expect("a token").to_owned();
        tokens.lock().expect("tokens").entry(customer.id.clone()).or_insert(token);
        Self { client, id: customer.id.clone(), email: customer.email.clone(), tokens }
    }

    /// Places an order under a key; none if there was no answer.
    pub(crate) async fn place(&self, key: &str, body: &Value) -> Option<Answer> {
        let key = format!("\"{key}\"");
        self.send(Method::POST, "/api/v1/orders", &[("idempotency-key", &key)], body).await
    }

    /// Cancels an order; none if there was no answer.
    pub(crate) async fn cancel(&self, id: &str) -> Option<Answer> {
        self.send(Method::POST, &format!("/api/v1/orders/{id}/cancel"), &[], &json!({})).await
    }

    /// Puts one piece into the cart; none if there was no answer.
    pub(crate) async fn fill_cart(&self, sku: &str) -> Option<Answer> {
        let path = format!("/api/v1/cart/items/{sku}");
        self.send(Method::PUT, &path, &[], &json!({"quantity": 1})).await
    }

    /// Reads something, sending these fields; none if there was no answer.
    pub(crate) async fn read(&self, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        self.send(Method::GET, path, fields, &Value::Null).await
    }

    /// Opens the event stream of an order; none if there was no answer.
    pub(crate) async fn follow(&self, id: &str) -> Option<Response<Incoming>> {
        let path = format!("/api/v1/orders/{id}/events");
        let ask =
            async |client: Client| client.stream(Method::GET, &path, None, Bytes::new()).await.ok();
        self.signed_in(ask, |answer: &Response<Incoming>| answer.status()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: &Value,
    ) -> Option<Answer> {
        let ask = async |client: Client| {
            let client =
                fields.iter().fold(client, |client, (name, value)| client.with(name, value));
            try_send(&client, method.clone(), path, body).await
        };
        self.signed_in(ask, |answer: &Answer| answer.status).await
    }

    /// Sends a request with the customer's token, and again with a new one if that was refused.
    async fn signed_in<T>(
        &self,
        ask: impl AsyncFn(Client) -> Option<T>,
        status: impl Fn(&T) -> StatusCode,
    ) -> Option<T> {
        let answer = ask(self.client.bearer(&self.token())).await?;
        if status(&answer) != StatusCode::UNAUTHORIZED {
            return Some(answer);
        }
        self.sign_in().await?;
        ask(self.client.bearer(&self.token())).await
    }

    /// The access token that is used now.
    pub(crate) fn token(&self) -> String {
        self.tokens.lock().expect("tokens")[&self.id].clone()
    }

    /// Signs in. Waits and repeats if the shop is overloaded.
    async fn sign_in(&self) -> Option<()> {
        let (path, credentials) =
            ("/api/v1/sessions", json!({"email": self.email, "password": PASSWORD}));
        for _ in 0..SIGN_INS_MAX {
            let answer = try_send(&self.client, Method::POST, path, &credentials).await?;
            match answer.status {
                StatusCode::OK => {
                    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
                    self.tokens.lock().expect("tokens").insert(self.id.clone(), token);
                    return Some(());
                }
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    tokio::time::sleep(retry_after(&answer)).await;
                }
                _ => return None,
            }
        }
        None
    }
}

/// How long to wait, as the shop says.
fn retry_after(answer: &Answer) -> Duration {
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or(1);
    Duration::from_secs(seconds.min(WAIT_MAX_S))
}

/// Sends a request, with a body unless it is null.
async fn try_send(client: &Client, method: Method, path: &str, body: &Value) -> Option<Answer> {
    let (content_type, body) = match body {
        Value::Null => (None, Bytes::new()),
        body => (Some("application/json"), body.to_string().into()),
    };
    client.try_send(method, path, content_type, body).await.ok()
}
