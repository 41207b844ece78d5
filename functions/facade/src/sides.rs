//! Both sides over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chassis::Clock;
use chassis::events::Event;
use chassis::http::{Outbound, OutboundError};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::domain::{Answer, Wanted, translate};

/// The session of a client of the older shop.
pub const SESSION: HeaderName = HeaderName::from_static("x-session");
/// Header fields of requests that the older shop reads.
const FORWARDED: [HeaderName; 3] =
    [SESSION, HeaderName::from_static("x-support-key"), header::CONTENT_TYPE];
/// Header fields of responses that clients of the older shop get.
const RETURNED: [HeaderName; 2] = [header::CONTENT_TYPE, header::RETRY_AFTER];
/// The timeout of a request. Longer than an order waits for its result.
const TIMEOUT_MS: u64 = 15_000;
/// How long a token is used for its session at most, in milliseconds: this long, a session that was
/// ended is accepted by the functions.
const TOKEN_MS: u64 = 30_000;
/// The maximum number of tokens in memory.
const TOKENS_MAX: usize = 1_024;

/// A side does not respond, or not as expected; the text is for operators. The outcome is unknown,
/// and repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl From<OutboundError> for Unavailable {
    fn from(error: OutboundError) -> Self {
        Unavailable(error.to_string())
    }
}

impl From<http::Error> for Unavailable {
    fn from(error: http::Error) -> Self {
        Unavailable(error.to_string())
    }
}

/// A token by its session, and until when it is used, in milliseconds since the epoch.
type Tokens = BTreeMap<String, (String, u64)>;

/// Both sides.
#[derive(Clone)]
pub struct Sides<O, C> {
    outbound: O,
    clock: C,
    key: String,
    tokens: Arc<Mutex<Tokens>>,
}

impl<O: Outbound, C: Clock> Sides<O, C> {
    /// Both sides, reached through `outbound`. `key` is what tokens are exchanged with.
    pub fn new(outbound: O, clock: C, key: String) -> Self {
        Self { outbound, clock, key, tokens: Arc::default() }
    }

    /// The response of the older shop to a client's request.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forward(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Unavailable> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut copy = Request::builder()
            .method(request.method())
            .uri(format!("http://legacy.spin.internal{path}"))
            .body(request.body().clone())?;
        pick(request.headers(), &FORWARDED, copy.headers_mut());
        let (head, body) = self.outbound.send(copy, TIMEOUT_MS).await?.into_parts();
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        pick(&head.headers, &RETURNED, response.headers_mut());
        Ok(response)
    }

    /// The token of the customer of a session; `None` if there is no such session.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn token(&self, session: &str) -> Result<Option<String>, Unavailable> {
        let now_ms = self.clock.now_ms();
        let known = self.tokens().get(session).filter(|(_, until_ms)| *until_ms > now_ms).cloned();
        if let Some((token, _)) = known {
            return Ok(Some(token));
        }
        let Some(token) = self.exchange(&json!({ "session": session })).await? else {
            return Ok(None);
        };
        let mut tokens = self.tokens();
        if tokens.len() >= TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(session.to_owned(), (token.clone(), now_ms + TOKEN_MS));
        Ok(Some(token))
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, body: &Value) -> Result<Option<String>, Unavailable> {
        let url = "http://identity.spin.internal/tokens";
        let response = self.send(Method::POST, url, &[bearer(&self.key)], Some(body)).await?;
        match (response.status, response.body["access_token"].as_str()) {
            (200, Some(token)) => Ok(Some(token.to_owned())),
            (404 | 422, _) => Ok(None),
            (status, _) => Err(Unavailable(format!("the exchange of a session gave {status}"))),
        }
    }

    /// What the new functions answer to a read.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn read(&self, wanted: &Wanted, token: &str) -> Result<Answer, Unavailable> {
        let no_such_order = || Answer::error(404, "not_found", "there is no such order");
        let url = match wanted {
            Wanted::Notifications => {
                "http://notifications.spin.internal/api/v1/notifications?limit=100".to_owned()
            }
            Wanted::Orders => {
                let limit = translate::LIST_LENGTH_MAX;
                format!("http://order-history.spin.internal/api/v1/order-history?limit={limit}")
            }
            Wanted::Order(number) => match translate::order_id(number) {
                Some(id) => {
                    format!("http://order-history.spin.internal/api/v1/order-history/{id}")
                }
                None => return Ok(no_such_order()),
            },
            Wanted::NewOrder => return Ok(Answer::error(400, "bad_request", "not a read")),
        };
        let answer = self.send(Method::GET, &url, &[bearer(token)], None).await?;
        if answer.status != 200 {
            return Ok(translate::refusal(answer.status, &answer.body));
        }
        let body = match wanted {
            Wanted::Notifications => translate::messages(&answer.body),
            Wanted::Orders => translate::orders(&answer.body),
            Wanted::Order(_) | Wanted::NewOrder => translate::order(&answer.body),
        };
        Ok(Answer { status: 200, body })
    }

    /// Places an order with the new function. Idempotent by the reference of its customer.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn place(
        &self,
        order: &Value,
        reference: &str,
        token: &str,
    ) -> Result<Answer, Unavailable> {
        let url = "http://orders.spin.internal/api/v1/orders";
        let key = ("idempotency-key", format!("\"legacy-{reference}\""));
        let body = translate::new_order(order);
        let answer = self.send(Method::POST, url, &[bearer(token), key], Some(&body)).await?;
        Ok(match answer.status {
            200..=299 => Answer { status: 201, body: translate::order(&answer.body) },
            status => translate::refusal(status, &answer.body),
        })
    }

    /// Delivers an event to `notifications`. False if it refuses the event.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn notify(&self, event: &Event) -> Result<bool, Unavailable> {
        let (headers, body) = tessera_cloudevents::http::to_structured(event);
        let url = "http://notifications.spin.internal/events";
        let mut request = Request::post(url).body(Bytes::from(body))?;
        request.headers_mut().extend(headers);
        accepted(self.outbound.send(request, TIMEOUT_MS).await?.status())
    }

    /// Tells the older shop about something, at one of its internal paths. False if it refuses it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn tell_legacy(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<bool, Unavailable> {
        let url = format!("http://legacy.spin.internal/internal/{path}");
        let answer = self.send(method, &url, &[], Some(body)).await?;
        accepted(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY))
    }

    /// Any request to the older shop with the facade's own authority.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn ask_legacy(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Unavailable> {
        self.send(method, &format!("http://legacy.spin.internal{path}"), &[], body).await
    }

    /// Any request to a new function with the facade's own authority.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn ask_new(
        &self,
        method: Method,
        url: &str,
        body: &Value,
    ) -> Result<Answer, Unavailable> {
        let token = self.exchange(&json!({})).await?;
        let token = token.ok_or_else(|| Unavailable("the facade gets no token".to_owned()))?;
        self.send(method, url, &[bearer(&token)], Some(body)).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Answer, Unavailable> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let response = self.outbound.send(request.body(Bytes::from(body))?, TIMEOUT_MS).await?;
        Ok(parsed(&response))
    }
}

/// A response as an answer. A body that is not JSON is null.
pub fn parsed(response: &Response<Bytes>) -> Answer {
    let body = serde_json::from_slice(response.body()).unwrap_or_default();
    Answer { status: response.status().as_u16(), body }
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// Whether a receiver has accepted something; a failure or a response that asks for a repetition is
/// an error.
fn accepted(status: StatusCode) -> Result<bool, Unavailable> {
    match status.as_u16() {
        200..=299 => Ok(true),
        400 | 404 | 409 | 413 | 415 | 422 => Ok(false),
        status => Err(Unavailable(format!("the receiver responded with {status}"))),
    }
}

fn pick(from: &HeaderMap, names: &[HeaderName], to: &mut HeaderMap) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name, value.clone());
        }
    }
}
