//! Goods, and people who buy them, made through the public API.

use super::Scripted;
use crate::bench::Bench;
use crate::client::{self, Pooled};
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PRODUCTS: usize = 100;
/// More than all rounds sell.
const PIECES: u32 = 1_000_000;
const CUSTOMERS: usize = 64;
/// The first administrator, as the shop's manifest has it.
const ADMIN: (&str, &str) = ("admin@example.com", "correct horse battery");
const PASSWORD: &str = "a password of nine words";
/// The timeout for a single order without other load.
const ORDER_TIMEOUT: Duration = Duration::from_secs(30);

/// The people of one shop, signed in.
pub(super) struct Customers {
    visitor: Api,
    tokens: Vec<String>,
    skus: Vec<String>,
}

/// A client of the shop.
struct Api {
    client: Pooled,
    base: String,
}

impl Api {
    async fn ask(
        &self,
        token: Option<&str>,
        (method, path): (Method, &str),
        body: &Value,
    ) -> Result<Value> {
        let uri = format!("{}/api/v1{path}", self.base);
        let mut request = Request::builder().method(method.clone()).uri(uri);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        if !body.is_null() {
            request = request.header(header::CONTENT_TYPE, "application/json");
            request = request.header("idempotency-key", format!("\"{:032x}\"", rand()));
        }
        let answer = self.client.request(request.body(Full::new(bytes))?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        ensure!(status.is_success(), "{method} {path} answers {status}: {text}");
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<String> {
        let credentials = json!({ "email": email, "password": password });
        let session = self.ask(None, (Method::POST, "/sessions"), &credentials).await?;
        Ok(session["access_token"].as_str().context("no token")?.to_owned())
    }
}

/// Another one each time, also in another run.
fn rand() -> u128 {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || u128::from(RandomState::new().hash_one(Instant::now()));
    half() << 64 | half()
}

impl Customers {
    pub(super) async fn of(bench: &Bench, base: &str) -> Result<Customers> {
        let visitor = Api { client: client::pooled(), base: base.to_owned() };
        let admin = visitor.sign_in(ADMIN.0, ADMIN.1).await?;
        let mut skus = Vec::new();
        for number in 0..bench.settings.population(PRODUCTS) {
            skus.push(product(&visitor, &admin, number).await?);
        }
        let mut tokens = Vec::new();
        for number in 0..bench.settings.population(CUSTOMERS) {
            let email = format!("customer-{number}@example.org");
            let person = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
            visitor.ask(None, (Method::POST, "/users"), &person).await?;
            tokens.push(visitor.sign_in(&email, PASSWORD).await?);
        }
        Ok(Customers { visitor, tokens, skus })
    }

    /// Orders once and waits until the order is confirmed: whether the shop sells at all.
    pub(super) async fn buy(&self) -> Result<()> {
        let token = self.tokens.first().map(String::as_str);
        let order = order(&self.skus, 0);
        let placed = self.visitor.ask(token, (Method::POST, "/orders"), &order).await?;
        let path = format!("/orders/{}", placed["id"].as_str().context("an order without id")?);
        let begin = Instant::now();
        while begin.elapsed() < ORDER_TIMEOUT {
            let order = self.visitor.ask(token, (Method::GET, &path), &Value::Null).await?;
            match order["status"].as_str() {
                Some("pending") => tokio::time::sleep(Duration::from_millis(50)).await,
                Some("confirmed") => return Ok(()),
                _ => bail!("the order is not confirmed: {order}"),
            }
        }
        bail!("the order is pending for more than {} s", ORDER_TIMEOUT.as_secs())
    }

    /// The `number`th checkout, of two products.
    pub(super) fn checkout(&self, number: usize) -> Scripted {
        let body = Some(order(&self.skus, number).to_string());
        let mut request = self.signed_in(number, "POST", "/orders".to_owned(), body);
        request.headers.push(("idempotency-key", "\"{key}\"".to_owned()));
        request
    }

    /// The list of products.
    pub(super) fn home() -> Scripted {
        let path = "/api/v1/products?limit=20".to_owned();
        Scripted { method: "GET", path, headers: Vec::new(), body: None }
    }

    /// The `number`th look at a product.
    pub(super) fn product(&self, number: usize) -> Scripted {
        let path = format!("/api/v1/products/{}", self.skus[number % self.skus.len()]);
        Scripted { method: "GET", path, headers: Vec::new(), body: None }
    }

    pub(super) fn view_cart(&self, number: usize) -> Scripted {
        self.signed_in(number, "GET", "/cart".to_owned(), None)
    }

    pub(super) fn add_to_cart(&self, number: usize) -> Scripted {
        let path = format!("/cart/items/{}", self.skus[number * 7 % 5 % self.skus.len()]);
        self.signed_in(number, "PUT", path, Some(json!({ "quantity": 1 + number % 3 }).to_string()))
    }

    fn signed_in(
        &self,
        number: usize,
        method: &'static str,
        path: String,
        body: Option<String>,
    ) -> Scripted {
        let token = &self.tokens[number % self.tokens.len()];
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Scripted { method, path: format!("/api/v1{path}"), headers, body }
    }
}

async fn product(visitor: &Api, admin: &str, number: usize) -> Result<String> {
    let sku = format!("BENCH-{number:03}");
    let product = json!({
        "sku": sku,
        "name": format!("Sample {number}"),
        "description": "Made to be looked at and bought.",
        "category": "Samples",
        "price": { "amount": 1_250, "currency": "EUR" },
    });
    visitor.ask(Some(admin), (Method::POST, "/products"), &product).await?;
    let stock = format!("/inventory/{sku}");
    visitor.ask(Some(admin), (Method::PUT, &stock), &json!({ "received": PIECES })).await?;
    Ok(sku)
}

fn order(skus: &[String], number: usize) -> Value {
    let line = |offset: usize, quantity: u32| json!({ "sku": skus[(number * 3 + offset) % skus.len()], "quantity": quantity });
    json!({
        "items": [line(0, 2), line(1, 1)],
        "shipping_address": {
            "name": "Ada Lovelace",
            "street": "12 St James's Square",
            "city": "London",
            "postal_code": "SW1Y 4JH",
            "country": "GB",
        },
        "payment_method": "tok_approved",
    })
}
