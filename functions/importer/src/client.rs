//! The public API as an admin uses it, with patience.
//!
//! All calls that the importer makes are safe to repeat, so a call that was refused for
//! the moment, or whose answer was lost, is simply made again, a bounded number of times.

use bytes::Bytes;
use chassis::http::Outbound;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::domain::Item;
use crate::ports::Pause;

/// Where the public API is: in the same application, whatever its address outside.
pub const GATEWAY: &str = "http://gateway.spin.internal";
/// How often one call is made at most.
pub const ATTEMPTS_MAX: u32 = 8;
/// The wait after the first failure, in milliseconds; it doubles each time.
pub const BACKOFF_FIRST_MS: u64 = 200;
/// The longest wait between two attempts, in milliseconds, also when the shop asks for more.
pub const BACKOFF_MAX_MS: u64 = 5_000;
/// How long one attempt may take, in milliseconds. Signing in hashes a password, on a
/// machine that may be compiling the other functions at that moment.
pub const TIMEOUT_MS: u64 = 15_000;

/// Why a call came to nothing after all attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Method and path.
    pub call: String,
    /// What happened last, for the log.
    pub reason: String,
}

/// What came of offering a product to the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// The shop did not have it.
    Created,
    /// The shop had the very same.
    Unchanged,
    /// The shop had another under this SKU, which now is this one.
    Updated,
}

/// The shop, from the outside.
#[derive(Clone)]
pub struct Shop<H, P> {
    http: H,
    pause: P,
}

/// An admin who has signed in.
pub struct Admin<H, P> {
    shop: Shop<H, P>,
    token: String,
}

/// One call, to be made as often as it takes.
struct Call<'a> {
    method: Method,
    path: String,
    token: Option<&'a str>,
    body: Option<Value>,
}

/// A final answer: the status, and the body if it is JSON.
struct Answer {
    status: StatusCode,
    body: Value,
}

impl<H: Outbound, P: Pause> Admin<H, P> {
    /// Sign in with the e-mail address and password of an admin.
    pub async fn sign_in(shop: Shop<H, P>, email: &str, password: &str) -> Result<Self, Failure> {
        let body = Some(json!({"email": email, "password": password}));
        let path = "/api/v1/sessions".to_owned();
        let call = Call { method: Method::POST, path, token: None, body };
        let answer = shop.persist(&call).await?;
        match answer.body["access_token"].as_str() {
            Some(token) => Ok(Admin { token: token.to_owned(), shop }),
            None => Err(call.refused(&answer)),
        }
    }

    /// Put a product into the catalogue, whether or not it is there.
    pub async fn offer(&self, item: &Item) -> Result<Offered, Failure> {
        let Item { sku, name, description, category, price, .. } = item;
        let product = json!({
            "sku": sku, "name": name, "description": description, "category": category,
            "price": {"amount": price.amount, "currency": price.currency},
        });
        let create = self.call(Method::POST, "/api/v1/products".to_owned(), Some(product.clone()));
        let answer = self.shop.persist(&create).await?;
        match answer.status {
            StatusCode::CREATED => Ok(Offered::Created),
            StatusCode::OK => Ok(Offered::Unchanged),
            StatusCode::CONFLICT => {
                let path = format!("/api/v1/products/{sku}");
                self.succeed(self.call(Method::PUT, path, Some(product))).await?;
                Ok(Offered::Updated)
            }
            _ => Err(create.refused(&answer)),
        }
    }

    /// Pieces received so far; `None` if the shop has never had any.
    pub async fn received(&self, sku: &str) -> Result<Option<u64>, Failure> {
        let read = self.call(Method::GET, format!("/api/v1/inventory/{sku}"), None);
        let answer = self.shop.persist(&read).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(answer.body["received"].as_u64()),
            _ => Err(read.refused(&answer)),
        }
    }

    /// Make it so many pieces received.
    pub async fn receive(&self, sku: &str, pieces: u32) -> Result<(), Failure> {
        let body = json!({"received": pieces});
        self.succeed(self.call(Method::PUT, format!("/api/v1/inventory/{sku}"), Some(body))).await
    }

    async fn succeed(&self, call: Call<'_>) -> Result<(), Failure> {
        let answer = self.shop.persist(&call).await?;
        if answer.status.is_success() { Ok(()) } else { Err(call.refused(&answer)) }
    }

    fn call(&self, method: Method, path: String, body: Option<Value>) -> Call<'_> {
        Call { method, path, token: Some(&self.token), body }
    }
}

impl<H: Outbound, P: Pause> Shop<H, P> {
    /// The shop behind `http`.
    pub fn new(http: H, pause: P) -> Self {
        Shop { http, pause }
    }

    /// Make the call until the shop gives an answer that more patience would not change.
    async fn persist(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut backoff_ms = BACKOFF_FIRST_MS;
        let mut last = String::new();
        for attempt in 1..=ATTEMPTS_MAX {
            let mut wait_ms = backoff_ms;
            match self.http.send(call.request()?, TIMEOUT_MS).await {
                Ok(response) if !is_passing(response.status()) => return Ok(read(&response)),
                Ok(response) => {
                    last = format!("it answered {}", response.status());
                    wait_ms = retry_after_ms(&response).unwrap_or(backoff_ms);
                }
                Err(error) => last = error.to_string(),
            }
            if attempt < ATTEMPTS_MAX {
                self.pause.pause(wait_ms.min(BACKOFF_MAX_MS)).await;
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
        let body = match &self.body {
            None => Bytes::new(),
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(json.to_string())
            }
        };
        request.body(body).map_err(|error| self.failed(error.to_string()))
    }

    fn failed(&self, reason: String) -> Failure {
        Failure { call: format!("{} {}", self.method, self.path), reason }
    }

    fn refused(&self, answer: &Answer) -> Failure {
        let problem = answer.body["detail"].as_str().or(answer.body["title"].as_str());
        let detail = problem.map(|text| format!(": {text}")).unwrap_or_default();
        self.failed(format!("it answered {}{detail}", answer.status))
    }
}

fn read(response: &Response<Bytes>) -> Answer {
    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    Answer { status: response.status(), body }
}

/// Too busy, too slow or not there yet: may be better later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 502 | 503 | 504)
}

/// The wait that the shop asks for, if it does so in seconds.
fn retry_after_ms(response: &Response<Bytes>) -> Option<u64> {
    let seconds: u64 = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(seconds.saturating_mul(1_000))
}
