//! The public API as an administrator uses it, with retries.
//!
//! All calls of the importer are safe to repeat, so a call that was refused temporarily, or whose
//! response was lost, is repeated a limited number of times.

use bytes::Bytes;
use chassis::clock::Timer;
use chassis::http::Outbound;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::domain::Item;

/// The public API: in the same application, regardless of its public address.
pub const GATEWAY: &str = "http://gateway.spin.internal";
/// The maximum number of attempts of one call.
pub const ATTEMPTS_MAX: u32 = 8;
/// The delay after the first failure, in milliseconds; it doubles each time.
pub const BACKOFF_FIRST_MS: u64 = 200;
/// The longest delay between two attempts, in milliseconds, also if the shop asks for more.
pub const BACKOFF_MAX_MS: u64 = 5_000;
/// The timeout of one attempt, in milliseconds. Signing in hashes a password, on a machine that may
/// be compiling the other functions at that moment.
pub const TIMEOUT_MS: u64 = 15_000;

/// Why a call failed after all attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Method and path.
    pub call: String,
    /// The last error, for the log.
    pub reason: String,
}

/// The result of offering a product to the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// The product is new.
    Created,
    /// The shop had an identical product.
    Unchanged,
    /// The shop had a different product with this SKU, which was changed.
    Updated,
}

/// The public API of the shop.
#[derive(Clone)]
pub struct Shop<H, T> {
    http: H,
    timer: T,
    /// Of the administrator who has signed in.
    token: Option<String>,
}

/// A final response: the call, the status, and the body if it is JSON.
struct Reply {
    call: String,
    status: StatusCode,
    body: Value,
}

impl<H: Outbound, T: Timer> Shop<H, T> {
    /// The API that is reached with this client.
    pub fn new(http: H, timer: T) -> Self {
        Shop { http, timer, token: None }
    }

    /// The API for the administrator with this email address and password.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn signed_in(self, email: &str, password: &str) -> Result<Self, Failure> {
        let body = json!({"email": email, "password": password});
        let reply = self.call(Method::POST, "/api/v1/sessions", Some(body)).await?;
        match reply.body["access_token"].as_str() {
            Some(token) => Ok(Shop { token: Some(token.to_owned()), ..self }),
            None => Err(reply.refused()),
        }
    }

    /// Creates a product in the catalog, or updates it.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn offer(&self, item: &Item) -> Result<Offered, Failure> {
        let Item { sku, name, description, category, price, .. } = item;
        let product = json!({
            "sku": sku, "name": name, "description": description, "category": category,
            "price": price,
        });
        let reply = self.call(Method::POST, "/api/v1/products", Some(product.clone())).await?;
        match reply.status {
            StatusCode::CREATED => Ok(Offered::Created),
            StatusCode::OK => Ok(Offered::Unchanged),
            StatusCode::CONFLICT => {
                self.put(&format!("/api/v1/products/{sku}"), product).await?;
                Ok(Offered::Updated)
            }
            _ => Err(reply.refused()),
        }
    }

    /// The number of pieces received so far; `None` if the inventory does not know the product.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn received(&self, sku: &str) -> Result<Option<u64>, Failure> {
        let reply = self.call(Method::GET, &format!("/api/v1/inventory/{sku}"), None).await?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(reply.body["received"].as_u64()),
            _ => Err(reply.refused()),
        }
    }

    /// Sets the number of pieces received so far.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn receive(&self, sku: &str, pieces: u32) -> Result<(), Failure> {
        self.put(&format!("/api/v1/inventory/{sku}"), json!({"received": pieces})).await
    }

    async fn put(&self, path: &str, body: Value) -> Result<(), Failure> {
        let reply = self.call(Method::PUT, path, Some(body)).await?;
        if reply.status.is_success() { Ok(()) } else { Err(reply.refused()) }
    }

    /// Repeats a call until there is a final response.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, Failure> {
        let call = format!("{method} {path}");
        let mut backoff_ms = BACKOFF_FIRST_MS;
        let mut last = String::new();
        for attempt in 1..=ATTEMPTS_MAX {
            let request = self.request(&method, path, body.as_ref());
            let request = request
                .map_err(|error| Failure { call: call.clone(), reason: error.to_string() })?;
            let mut delay_ms = backoff_ms;
            match self.http.send(request, TIMEOUT_MS).await {
                Ok(response) if !is_temporary(response.status()) => {
                    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
                    return Ok(Reply { call, status: response.status(), body });
                }
                Ok(response) => {
                    last = format!("the response was {}", response.status());
                    delay_ms = retry_after_ms(&response).unwrap_or(backoff_ms);
                }
                Err(error) => last = error.to_string(),
            }
            if attempt < ATTEMPTS_MAX {
                self.timer.sleep(delay_ms.min(BACKOFF_MAX_MS)).await;
                backoff_ms *= 2;
            }
        }
        let reason = format!("{last} (attempt {ATTEMPTS_MAX} of {ATTEMPTS_MAX})");
        Err(Failure { call, reason })
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::builder().method(method).uri(format!("{GATEWAY}{path}"));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Bytes::from(body.map(Value::to_string).unwrap_or_default()))
    }
}

impl Reply {
    fn refused(self) -> Failure {
        let problem = self.body["detail"].as_str().or(self.body["title"].as_str());
        let detail = problem.map(|text| format!(": {text}")).unwrap_or_default();
        let reason = format!("the response was {}{detail}", self.status);
        Failure { call: self.call, reason }
    }
}

/// Whether a repetition may succeed: overload, a timeout, or a function that is not ready.
fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 502 | 503 | 504)
}

/// The delay that the shop asks for, if it does so in seconds.
fn retry_after_ms(response: &Response<Bytes>) -> Option<u64> {
    let seconds: u64 = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(seconds.saturating_mul(1_000))
}
