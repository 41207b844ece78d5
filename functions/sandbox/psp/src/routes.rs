//! The provider's HTTP API, in the provider's own style.

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use chassis::Problem;
use chassis::clock::Clock;
use chassis::form::read_limited;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::charge::{self, Charge, Instruction};
use crate::ports::{Background, Ports};
use crate::sandbox::{Error, Sandbox, view};
use crate::statement::{self, LINES_MAX};

/// Longest body, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// Longest idempotency key, merchant reference or card token, in bytes.
const TEXT_BYTES_MAX: usize = 255;

/// The body of `POST /v2/charges`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCharge {
    merchant_ref: String,
    value: i64,
    ccy: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lookup {
    idempotency_key: String,
}

/// The body of `POST /v2/charges/{id}/reverse`, if there is one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    value: i64,
}

/// The requested page of the statement.
#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    after: u64,
    limit: Option<u64>,
}

/// All routes: `POST /v2/charges`, `GET /v2/charges?idempotencyKey=`, `GET /v2/charges/{id}`, `POST
/// /v2/charges/{id}/capture`, `POST /v2/charges/{id}/reverse`, `GET /v2/statement`; and, as a
/// card's bank, `POST /v2/charges/{id}/chargeback`.
pub fn router<P: Ports>(sandbox: Sandbox<P>) -> Router {
    Router::new()
        .route("/v2/charges", post(open::<P>).get(look_up::<P>))
        .route("/v2/charges/{id}", get(find::<P>))
        .route("/v2/charges/{id}/capture", post(capture::<P>))
        .route("/v2/charges/{id}/reverse", post(reverse::<P>))
        .route("/v2/charges/{id}/chargeback", post(charge_back::<P>))
        .route("/v2/statement", get(statement::<P>))
        .layer(from_fn_with_state(sandbox.clone(), authenticate::<P>))
        .with_state(sandbox)
}

async fn authenticate<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    request: Request,
    next: Next,
) -> Response {
    let expected = sandbox.settings.api_key.as_bytes();
    let key = request.headers().get("x-api-key");
    if key.is_some_and(|key| key.as_bytes().ct_eq(expected).into()) {
        return next.run(request).await;
    }
    refusal(StatusCode::UNAUTHORIZED, "bad_api_key", "x-api-key is missing or wrong")
}

async fn open<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    let key = idempotency_key(&headers)?;
    let charge: NewCharge = parse(&read(request.into_body()).await?)?;
    let texts = [&charge.merchant_ref, &charge.source];
    let is_valid = charge.value > 0
        && charge.ccy.len() == 3
        && texts.iter().all(|text| text.len() <= TEXT_BYTES_MAX);
    if !is_valid {
        return Err(bad_request("bad_field", "value must be positive, ccy three letters"));
    }
    let NewCharge { merchant_ref, value, ccy, source } = charge;
    let opened = sandbox.open(key, Instruction { merchant_ref, value, ccy, source }).await;
    Ok((StatusCode::CREATED, respond(&sandbox, opened?)).into_response())
}

async fn look_up<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    Query(lookup): Query<Lookup>,
) -> Result<Response> {
    Ok(respond(&sandbox, sandbox.find_by_key(&lookup.idempotency_key).await?))
}

async fn find<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    Path(id): Path<String>,
) -> Result<Response> {
    Ok(respond(&sandbox, sandbox.find(&id).await?))
}

async fn capture<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    Path(id): Path<String>,
) -> Result<Response> {
    Ok(respond(&sandbox, sandbox.capture(&id).await?))
}

/// Reverses everything, or the amount in the body.
async fn reverse<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    let body = read(request.into_body()).await?;
    if body.is_empty() {
        return Ok(respond(&sandbox, sandbox.reverse(&id).await?));
    }
    let part: Part = parse(&body)?;
    if part.value <= 0 {
        return Err(bad_request("bad_field", "value must be positive"));
    }
    let key = idempotency_key(&headers)?;
    Ok(respond(&sandbox, sandbox.reverse_some(&id, key, part.value).await?))
}

async fn charge_back<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    Path(id): Path<String>,
) -> Result<Response> {
    Ok(respond(&sandbox, sandbox.charge_back(&id).await?))
}

async fn statement<P: Ports>(
    State(sandbox): State<Sandbox<P>>,
    Query(lines): Query<Lines>,
) -> Result<Response> {
    let limit = lines.limit.unwrap_or(LINES_MAX);
    if !(1..=LINES_MAX).contains(&limit) {
        return Err(bad_request("bad_field", format!("limit must be 1 to {LINES_MAX}")));
    }
    let page = sandbox.statement(lines.after, limit).await.map_err(Error::Store)?;
    Ok(Json(statement::view(&page)).into_response())
}

/// The response with a charge, whose due notices are sent after it.
fn respond<P: Ports>(sandbox: &Sandbox<P>, charge: Charge) -> Response {
    let now_ms = sandbox.timer.now_ms();
    let body = Json(view(&charge, now_ms));
    if charge.notices.iter().any(|notice| notice.due_ms <= now_ms) {
        let delivering = sandbox.clone();
        sandbox.background.spawn(async move {
            // A failed notice is sent again with the next request about the charge.
            let _ = delivering.deliver(&charge.id).await;
        });
    }
    body.into_response()
}

fn idempotency_key(headers: &HeaderMap) -> Result<&str> {
    let key = headers.get("x-idempotency-key").and_then(|key| key.to_str().ok());
    key.filter(|key| (1..=TEXT_BYTES_MAX).contains(&key.len()))
        .ok_or_else(|| bad_request("no_idempotency_key", "x-idempotency-key is required"))
}

async fn read(body: Body) -> Result<Bytes> {
    let unreadable = |problem: Problem| {
        Failure::Request(problem.status(), "bad_body", "the body can't be read".to_owned())
    };
    read_limited(body, BODY_BYTES_MAX).await.map_err(unreadable)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| bad_request("bad_body", error.to_string()))
}

fn bad_request(code: &'static str, message: impl Into<String>) -> Failure {
    Failure::Request(StatusCode::BAD_REQUEST, code, message.into())
}

/// Why a request failed.
enum Failure {
    /// The request itself: status, code and message.
    Request(StatusCode, &'static str, String),
    /// The operation.
    Operation(Error),
}

type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Operation(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Request(status, code, message) => return refusal(status, code, &message),
            Self::Operation(error) => error,
        };
        let conflict = |code, message: &str| refusal(StatusCode::CONFLICT, code, message);
        match error {
            Error::Charge(charge::Error::WrongState(state)) => {
                conflict("wrong_state", &format!("the charge is {}", state.as_str()))
            }
            Error::Charge(charge::Error::TooMuch) => {
                conflict("too_much", "the amount is greater than the rest")
            }
            Error::Charge(charge::Error::Mismatch) => conflict(
                "idempotency_mismatch",
                "this idempotency key was already used with different content",
            ),
            Error::Unknown => refusal(StatusCode::NOT_FOUND, "no_such_charge", "no such charge"),
            // As from a proxy in front of a server that is down, or that fails.
            Error::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Error::ResponseLost => StatusCode::BAD_GATEWAY.into_response(),
            Error::Charge(charge::Error::NoLine) | Error::Store(_) => {
                eprintln!("psp-sandbox: {error}");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

#[cfg(test)]
mod tests;
