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
}

/// An administrator who has signed in.
pub struct Admin<H, T> {
    shop: Shop<H, T>,
    token: String,
}

/// A call.
struct Call<'a> {
    method: Method,
    path: String,
    token: Option<&'a str>,
    body: Option<Value>,
}

/// A final response: the status, and the body if it is JSON.
struct Reply {
    status: StatusCode,
    body: Value,
}

impl<H: Outbound, T: Timer> Admin<H, T> {
    /// Signs in with the email address and password of an administrator.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn sign_in(shop: Shop<H, T>, email: &str, password: &str) -> Result<Self, Failure> {
        let body = Some(json!({"email": email, "password": password}));
        let path = "/api/v1/sessions".to_owned();
        let call = Call { method: Method::POST, path, token: None, body };
        let reply = shop.send(&call).await?;
        match reply.body["access_token"].as_str() {
            Some(token) => Ok(Admin { token: token.to_owned(), shop }),
            None => Err(call.refused(&reply)),
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
        let create = self.call(Method::POST, "/api/v1/products".to_owned(), Some(product.clone()));
        let reply = self.shop.send(&create).await?;
        match reply.status {
            StatusCode::CREATED => Ok(Offered::Created),
            StatusCode::OK => Ok(Offered::Unchanged),
            StatusCode::CONFLICT => {
                let path = format!("/api/v1/products/{sku}");
                self.succeed(self.call(Method::PUT, path, Some(product))).await?;
                Ok(Offered::Updated)
            }
            _ => Err(create.refused(&reply)),
        }
    }

    /// The number of pieces received so far; `None` if the inventory does not know the product.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn received(&self, sku: &str) -> Result<Option<u64>, Failure> {
        let read = self.call(Method::GET, format!("/api/v1/inventory/{sku}"), None);
        let reply = self.shop.send(&read).await?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(reply.body["received"].as_u64()),
            _ => Err(read.refused(&reply)),
        }
    }

    /// Sets the number of pieces received so far.
    ///
    /// # Errors
    /// The shop refused the call, or did not respond.
    pub async fn receive(&self, sku: &str, pieces: u32) -> Result<(), Failure> {
        let body = json!({"received": pieces});
        self.succeed(self.call(Method::PUT, format!("/api/v1/inventory/{sku}"), Some(body))).await
    }

    async fn succeed(&self, call: Call<'_>) -> Result<(), Failure> {
        let reply = self.shop.send(&call).await?;
        if reply.status.is_success() { Ok(()) } else { Err(call.refused(&reply)) }
    }

    fn call(&self, method: Method, path: String, body: Option<Value>) -> Call<'_> {
        Call { method, path, token: Some(&self.token), body }
    }
}

impl<H: Outbound, T: Timer> Shop<H, T> {
    /// The API that is reached with this client.
    pub fn new(http: H, timer: T) -> Self {
        Shop { http, timer }
    }

    /// Repeats the call until there is a final response.
    async fn send(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let mut backoff_ms = BACKOFF_FIRST_MS;
        let mut last = String::new();
        for attempt in 1..=ATTEMPTS_MAX {
            let mut delay_ms = backoff_ms;
            match self.http.send(call.request()?, TIMEOUT_MS).await {
                Ok(response) if !is_temporary(response.status()) => {
                    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
                    return Ok(Reply { status: response.status(), body });
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
        Err(call.failed(format!("{last} (attempt {ATTEMPTS_MAX} of {ATTEMPTS_MAX})")))
    }
}

impl Call<'_> {
    fn request(&self) -> Result<Request<Bytes>, Failure> {
        let mut request =
            Request::builder().method(&self.method).uri(format!("{GATEWAY}{}", self.path));
        if let Some(token) = self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if self.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        request.body(Bytes::from(body)).map_err(|error| self.failed(error.to_string()))
    }

    fn failed(&self, reason: String) -> Failure {
        Failure { call: format!("{} {}", self.method, self.path), reason }
    }

    fn refused(&self, reply: &Reply) -> Failure {
        let problem = reply.body["detail"].as_str().or(reply.body["title"].as_str());
        let detail = problem.map(|text| format!(": {text}")).unwrap_or_default();
        self.failed(format!("the response was {}{detail}", reply.status))
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
