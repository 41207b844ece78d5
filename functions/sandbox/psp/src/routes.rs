//! The provider's HTTP API, in the provider's own style.

use std::future::Future;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::form::read_limited;
use chassis::http::Outbound;
use chassis::store::Store;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::charge::{Charge, Instruction};
use crate::sandbox::{Clock, Fault, Sandbox, view};
use crate::statement::{self, LINES_MAX};

/// Longest body, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// Longest idempotency key, merchant reference or card token, in bytes.
const TEXT_BYTES_MAX: usize = 255;

/// Sets a future going that outlives the answer: webhooks are not part of it.
pub trait Background: Clone + Send + Sync + 'static {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static);
}

#[derive(Clone)]
struct Api<S, C, O, B> {
    sandbox: Sandbox<S, C, O>,
    background: B,
}

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
pub fn router<S, C, O, B>(sandbox: Sandbox<S, C, O>, background: B) -> Router
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let api = Api { sandbox, background };
    Router::new()
        .route("/v2/charges", post(open::<S, C, O, B>).get(look_up::<S, C, O, B>))
        .route("/v2/charges/{id}", get(find::<S, C, O, B>))
        .route("/v2/charges/{id}/capture", post(capture::<S, C, O, B>))
        .route("/v2/charges/{id}/reverse", post(reverse::<S, C, O, B>))
        .route("/v2/charges/{id}/chargeback", post(charge_back::<S, C, O, B>))
        .route("/v2/statement", get(statement::<S, C, O, B>))
        .layer(from_fn_with_state(api.clone(), authenticate::<S, C, O, B>))
        .with_state(api)
}

async fn authenticate<S, C, O, B>(
    State(api): State<Api<S, C, O, B>>,
    request: Request,
    next: Next,
) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let given = request.headers().get("x-api-key").map(|key| key.as_bytes());
    // Digests are compared, so that the time tells nothing about the key.
    let wanted = Sha256::digest(api.sandbox.settings.api_key.as_bytes());
    if given.is_none_or(|given| Sha256::digest(given) != wanted) {
        return error(StatusCode::UNAUTHORIZED, "bad_api_key", "x-api-key is missing or wrong");
    }
    next.run(request).await
}

async fn open<S, C, O, B>(
    State(api): State<Api<S, C, O, B>>,
    headers: HeaderMap,
    request: Request,
) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let Some(key) = idempotency_key(&headers) else { return no_key() };
    let body = match read_limited(request.into_body(), BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(problem) => return error(problem.status(), "bad_body", "the body can't be read"),
    };
    let charge: NewCharge = match serde_json::from_slice(&body) {
        Ok(charge) => charge,
        Err(fault) => return error(StatusCode::BAD_REQUEST, "bad_body", &fault.to_string()),
    };
    let sound = charge.value > 0
        && charge.ccy.len() == 3
        && [&charge.merchant_ref, &charge.source].iter().all(|text| text.len() <= TEXT_BYTES_MAX);
    if !sound {
        let text = "value must be positive, ccy three letters";
        return error(StatusCode::BAD_REQUEST, "bad_field", text);
    }
    let instruction = Instruction {
        merchant_ref: charge.merchant_ref,
        value: charge.value,
        ccy: charge.ccy,
        source: charge.source,
    };
    let result = api.sandbox.open(key, instruction).await;
    api.answer(StatusCode::CREATED, result)
}

async fn look_up<S, C, O, B>(
    State(api): State<Api<S, C, O, B>>,
    Query(lookup): Query<Lookup>,
) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let result = api.sandbox.find_by_key(&lookup.idempotency_key).await;
    api.answer(StatusCode::OK, result)
}

async fn find<S, C, O, B>(State(api): State<Api<S, C, O, B>>, Path(id): Path<String>) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let result = api.sandbox.find(&id).await;
    api.answer(StatusCode::OK, result)
}

async fn capture<S, C, O, B>(State(api): State<Api<S, C, O, B>>, Path(id): Path<String>) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let result = api.sandbox.capture(&id).await;
    api.answer(StatusCode::OK, result)
}

/// Reverses everything, or the amount in the body.
async fn reverse<S, C, O, B>(
    State(api): State<Api<S, C, O, B>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let body = match read_limited(request.into_body(), BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(problem) => return error(problem.status(), "bad_body", "the body can't be read"),
    };
    if body.is_empty() {
        return api.answer(StatusCode::OK, api.sandbox.reverse(&id).await);
    }
    let part: Part = match serde_json::from_slice(&body) {
        Ok(part) => part,
        Err(fault) => return error(StatusCode::BAD_REQUEST, "bad_body", &fault.to_string()),
    };
    if part.value <= 0 {
        return error(StatusCode::BAD_REQUEST, "bad_field", "value must be positive");
    }
    let Some(key) = idempotency_key(&headers) else { return no_key() };
    api.answer(StatusCode::OK, api.sandbox.reverse_some(&id, key, part.value).await)
}

async fn charge_back<S, C, O, B>(
    State(api): State<Api<S, C, O, B>>,
    Path(id): Path<String>,
) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let result = api.sandbox.charge_back(&id).await;
    api.answer(StatusCode::OK, result)
}

async fn statement<S, C, O, B>(
    State(api): State<Api<S, C, O, B>>,
    Query(asked): Query<Lines>,
) -> Response
where
    S: Store,
    C: Clock,
    O: Outbound,
    B: Background,
{
    let limit = asked.limit.unwrap_or(LINES_MAX);
    if !(1..=LINES_MAX).contains(&limit) {
        let text = format!("limit must be 1 to {LINES_MAX}");
        return error(StatusCode::BAD_REQUEST, "bad_field", &text);
    }
    match api.sandbox.statement(asked.after, limit).await {
        Ok(page) => Json(statement::view(&page)).into_response(),
        Err(fault) => refusal(&Fault::Store(fault)),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Option<&str> {
    let key = headers.get("x-idempotency-key").and_then(|key| key.to_str().ok());
    key.filter(|key| (1..=TEXT_BYTES_MAX).contains(&key.len()))
}

fn no_key() -> Response {
    error(StatusCode::BAD_REQUEST, "no_idempotency_key", "x-idempotency-key is required")
}

impl<S: Store, C: Clock, O: Outbound, B: Background> Api<S, C, O, B> {
    fn answer(&self, status: StatusCode, result: Result<Charge, Fault>) -> Response {
        let charge = match result {
            Ok(charge) => charge,
            Err(fault) => return refusal(&fault),
        };
        let now_ms = self.sandbox.clock.now_ms();
        let body = Json(view(&charge, now_ms));
        if charge.notices.iter().any(|notice| notice.due_ms <= now_ms) {
            let (sandbox, id) = (self.sandbox.clone(), charge.id);
            self.background.spawn(async move {
                // What could not be delivered is delivered with the next touch.
                let _ = sandbox.deliver(&id).await;
            });
        }
        (status, body).into_response()
    }
}

fn refusal(fault: &Fault) -> Response {
    match fault {
        Fault::Mismatch => {
            let text = "this idempotency key came with another charge";
            error(StatusCode::CONFLICT, "idempotency_mismatch", text)
        }
        Fault::Unknown => error(StatusCode::NOT_FOUND, "no_such_charge", "no such charge"),
        Fault::WrongState(state) => {
            let text = format!("the charge is {}", state.as_str());
            error(StatusCode::CONFLICT, "wrong_state", &text)
        }
        Fault::TooMuch => {
            error(StatusCode::CONFLICT, "too_much", "the amount is greater than what is left")
        }
        // As a proxy in front of a dead or dying server would answer: no word from the
        // provider itself.
        Fault::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::AnswerLost => StatusCode::BAD_GATEWAY.into_response(),
        Fault::Store(fault) => {
            eprintln!("psp-sandbox: {fault}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}
