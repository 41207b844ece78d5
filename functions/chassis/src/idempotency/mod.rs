//! Idempotency keys: repeating a `POST` does its work once and gets the first response again.
//!
//! Follows the IETF draft *The Idempotency-Key HTTP Header Field*:
//! - the header is a structured-field string (`"8e03978e"`, with its quotes) or, because most
//!   clients send it so, a bare token (`8e03978e`): both spell the same key; at most
//!   [`KEY_CHARS_MAX`] characters, 400 if it is missing or malformed;
//! - keys are scoped by principal and route, so clients can't collide;
//! - the same key with another payload is 422. Payloads are compared as JSON values, so that
//!   white space and the order of members do not count;
//! - while the first request is still at work, a second gets 409 with `Retry-After`;
//! - afterwards it gets the stored status, headers and body, with
//!   `Idempotency-Replayed: true`, for [`KEPT_MS`] after the first request.
//!
//! Responses that say "not yet" or "not so" are not stored and the key stays usable: see
//! [`is_stored`]. If a request dies while it is processed, its lease ends after [`LEASE_MS`], or as
//! soon as the host has restarted ([`crate::incarnation`]). The next request with the key continues
//! the work **under the same [`Attempt::id`]**. So work that derives its ids from the attempt's
//! resumes what was begun instead of doing it twice.
//!
//! A record has a few hundred bytes plus one response, and expires after [`KEPT_MS`]: see
//! [`crate::expiry`]. A function that uses idempotency keys sweeps with [`is_over`].

mod key;
mod record;

pub use key::{IdempotencyKey, KEY_CHARS_MAX};

use crate::expiry;
use crate::problem::{Problem, ProblemType};
use crate::store::{Store, StoreError};
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use http::{HeaderName, StatusCode, header};
use record::{Decision, Holder, Record, StoredResponse, fingerprint};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::future::Future;

/// How long a response is kept, in milliseconds: 24 hours after the first request.
pub const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long a request may be at work before another one takes over, in milliseconds.
pub const LEASE_MS: u64 = 30_000;
/// The longest response that is stored, in bytes. A longer one is sent but not stored.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;
/// The `Retry-After` of a second request, in seconds.
const RETRY_AFTER_S: u64 = 1;
/// Marks a response from the store.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Whose keys these are, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The caller: a user id.
    pub principal: &'a str,
    /// Method and path template, as `POST /api/v1/orders`.
    pub route: &'a str,
}

/// One try at the work of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// A UUIDv7 in its usual form, the same for every attempt at the same work: derive the
    /// ids of what is created from it (`ord_<id>`).
    pub id: String,
    /// Whether an earlier attempt may have got part of the way.
    pub resumed: bool,
}

/// Returns the stored response, or does the `work` and stores its response. `now_ms` is the time in
/// milliseconds, `payload` the request's body as JSON.
pub async fn run<S, F, Fut>(
    store: &S,
    now_ms: u64,
    scope: &Scope<'_>,
    key: &IdempotencyKey,
    payload: &Value,
    work: F,
) -> Response
where
    S: Store,
    F: FnOnce(Attempt) -> Fut + Send,
    Fut: Future<Output = Response> + Send,
{
    let incarnation = crate::incarnation::current();
    run_in(incarnation, store, now_ms, scope, key, payload, work).await
}

/// [`run`] in a given run of the host.
async fn run_in<S, F, Fut>(
    incarnation: Option<u64>,
    store: &S,
    now_ms: u64,
    scope: &Scope<'_>,
    key: &IdempotencyKey,
    payload: &Value,
    work: F,
) -> Response
where
    S: Store,
    F: FnOnce(Attempt) -> Fut + Send,
    Fut: Future<Output = Response> + Send,
{
    let key = store_key(scope, key);
    let name = uuid::Uuid::now_v7().to_string();
    let holder = Holder { name: &name, incarnation };
    let print = fingerprint(payload);
    let claim = |record: Option<Record>| -> Result<_, StoreError> {
        Ok(Record::claim(record, holder, &print, now_ms))
    };
    match begin(store, &key, now_ms, claim).await {
        Err(error) => Problem::from(error).into_response(),
        Ok(Decision::Replay(stored)) => stored.replay(),
        Ok(Decision::InFlight) => in_flight(),
        Ok(Decision::OtherPayload) => other_payload(),
        Ok(Decision::Work(attempt)) => {
            let response = work(attempt).await;
            settle(store, &key, &name, response).await
        }
    }
}

/// Claims the key. The expiry time of a new or restarted record is set before the record is
/// written.
async fn begin<S: Store>(
    store: &S,
    key: &str,
    now_ms: u64,
    claim: impl FnMut(Option<Record>) -> Result<(Record, Decision), StoreError> + Send,
) -> Result<Decision, StoreError> {
    let known: Option<Record> = store.read(key).await?;
    if known.is_none_or(|record| record.begins_anew(now_ms)) {
        expiry::expire_at(store, key, now_ms.saturating_add(KEPT_MS)).await?;
    }
    store.update(key, claim).await
}

/// Whether a value of the store is an expired record: for [`crate::expiry::sweep`].
pub fn is_over(value: &[u8], now_ms: u64) -> bool {
    serde_json::from_slice::<Record>(value).is_ok_and(|record| record.has_run_out(now_ms))
}

/// Whether the response settles the key. Refusals of this one try (malformed, not allowed,
/// not now) and failures do not: the client corrects the request or tries again.
pub fn is_stored(status: StatusCode) -> bool {
    let of_this_try = [400, 401, 403, 408, 413, 415, 422, 425, 429];
    !status.is_server_error() && !of_this_try.contains(&status.as_u16())
}

/// Stores the response and returns it. If storing fails, the client gets its response nevertheless:
/// a repetition then resumes the attempt and comes to the same end.
async fn settle<S: Store>(store: &S, key: &str, holder: &str, response: Response) -> Response {
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Problem::internal().into_response();
    };
    let stored = StoredResponse::of(&head, &body).filter(|_| body.len() <= RESPONSE_BYTES_MAX);
    let status = head.status;
    let release = |record: Option<Record>| -> Result<_, StoreError> {
        let record = record.ok_or_else(|| StoreError::Corrupt {
            key: key.to_owned(),
            reason: "the record is gone".to_owned(),
        })?;
        Ok((record.settle(holder, status, stored.as_ref()), ()))
    };
    if let Err(error) = store.update(key, release).await {
        eprintln!("a response was not kept for its idempotency key: {error}");
    }
    Response::from_parts(head, Body::from(body))
}

fn store_key(scope: &Scope<'_>, key: &IdempotencyKey) -> String {
    let mut hash = Sha256::new();
    for part in [scope.principal, scope.route, key.as_str()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    format!("idempotency/{}", HEXLOWER.encode(&hash.finalize()))
}

fn in_flight() -> Response {
    Problem::new(ProblemType::RequestInFlight)
        .header(header::RETRY_AFTER, &RETRY_AFTER_S.to_string())
        .detail("Repeat it later to get its response.")
        .into_response()
}

fn other_payload() -> Response {
    Problem::new(ProblemType::IdempotencyKeyReused)
        .detail("Take a fresh key for another request.")
        .into_response()
}

#[cfg(test)]
mod tests;
