//! The HTTP side of payments: the ledger for administrators, webhooks for the provider.

use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::clock::rfc3339;
use chassis::form::{JSON, media_type, read_limited};
use chassis::money::Money;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, ProblemType, Result};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::domain::{Event, Payment, Recorded, Status};
use crate::ledger::{Account, Posting};
use crate::ports::Provider;
use crate::provider::webhook::{self, Fault};
use crate::records::{Position, Record};
use crate::service::{Payments, Refusal, Swept};

/// Names the ledger in its cursors.
const LEDGER: &str = "payments/ledger";

/// What the routes work with.
#[derive(Clone)]
pub struct Api<S, P, K> {
    /// The use cases.
    pub payments: Payments<S, P>,
    /// The keys that callers' tokens are checked with.
    pub keys: K,
    /// The key of the webhooks' signatures.
    pub webhook_secret: String,
}

impl<S: Store, P: Provider, K: KeySource> AuthState for Api<S, P, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// A posting of the ledger.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Posting"))]
struct PostingView {
    id: String,
    /// Empty if the provider reports a payment that the shop does not know.
    order_id: String,
    account: Account,
    /// Minor units; positive for a debit.
    amount: i64,
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Z]{3}$")))]
    currency: String,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    at: String,
}

impl From<Posting> for PostingView {
    fn from(posting: Posting) -> Self {
        Self {
            id: posting.id,
            order_id: posting.order_id,
            account: posting.account,
            amount: posting.amount.amount,
            currency: posting.amount.currency,
            at: rfc3339(posting.at_ms),
        }
    }
}

/// A payment and its history.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PaymentDetails"))]
struct PaymentView {
    id: String,
    order_id: String,
    status: Status,
    /// The requested amount, in minor units.
    amount: i64,
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Z]{3}$")))]
    currency: String,
    /// The captured amount according to the provider, in minor units.
    captured: i64,
    /// The refunded amount according to the provider, in minor units.
    refunded: i64,
    /// The amount charged back by the customer's bank, in minor units.
    charged_back: i64,
    /// How the provider's actions differ from what was requested. An operator should check it.
    deviation: Option<String>,
    /// Whether it has to be undone and can't become active again.
    barred: bool,
    /// The provider's id of the payment, once there is one.
    reference: Option<String>,
    events: Vec<EventView>,
}

/// An event of a payment. Other members depend on the type.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct EventView {
    /// 1 for the first, without gaps.
    #[cfg_attr(test, schemars(range(min = 1)))]
    sequence: u64,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    at: String,
    #[serde(flatten)]
    event: Event,
}

impl From<(Payment, Record)> for PaymentView {
    fn from((payment, record): (Payment, Record)) -> Self {
        let Money { amount, currency } = payment.amount();
        let event = |recorded: Recorded| EventView {
            sequence: recorded.sequence,
            at: rfc3339(recorded.at_ms),
            event: recorded.event,
        };
        Self {
            status: payment.status(),
            captured: payment.known.captured,
            refunded: payment.known.refunded,
            charged_back: payment.known.charged_back,
            deviation: payment.deviation(),
            id: payment.id,
            order_id: payment.order_id,
            amount,
            currency,
            barred: payment.barred,
            reference: payment.reference,
            events: record.events.into_iter().map(event).collect(),
        }
    }
}

/// `GET /api/v1/payments/ledger`, `GET /api/v1/admin/payments/{id}` and `POST /webhooks/psp`;
/// and `POST /sweep`, which the host calls from time to time and the gateway never forwards.
pub fn router<S: Store, P: Provider, K: KeySource>(api: Api<S, P, K>) -> Router {
    Router::new()
        .route("/api/v1/payments/ledger", get(ledger::<S, P, K>))
        .route("/api/v1/admin/payments/{id}", get(show::<S, P, K>))
        .route("/sweep", post(sweep::<S, P, K>))
        .route("/webhooks/psp", post(receive::<S, P, K>))
        .with_state(api)
}

async fn ledger<S: Store, P: Provider, K: KeySource>(
    State(api): State<Api<S, P, K>>,
    _admin: Admin,
    query: PageQuery,
) -> Result<Json<Page<PostingView>>> {
    let from: Option<Position> = query.position(LEDGER)?;
    if from.is_none()
        && let Err(refusal) = api.payments.pull().await
    {
        // The known part of the ledger is returned; a sweep reads the rest.
        eprintln!("payments: the statement can't be read: {refusal:?}");
    }
    let (postings, rest) = api.payments.ledger(from, query.limit).await?;
    Ok(Json(Page {
        items: postings.into_iter().map(PostingView::from).collect(),
        next_cursor: rest.map(|position| Cursor::encode(LEDGER, &position)),
    }))
}

async fn show<S: Store, P: Provider, K: KeySource>(
    State(api): State<Api<S, P, K>>,
    _admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<PaymentView>> {
    let found = api.payments.history(&id).await?;
    found
        .map(|found| Json(found.into()))
        .ok_or_else(|| Problem::not_found("There is no such payment."))
}

async fn sweep<S: Store, P: Provider, K: KeySource>(
    State(api): State<Api<S, P, K>>,
) -> Result<Json<Swept>> {
    Ok(Json(api.payments.sweep().await?))
}

async fn receive<S: Store, P: Provider, K: KeySource>(
    State(api): State<Api<S, P, K>>,
    request: Request,
) -> Result<StatusCode> {
    let signature = signature(request.headers())?;
    let body = read_limited(request.into_body(), webhook::BODY_BYTES_MAX).await?;
    let now_s = api.payments.now_ms() / 1_000;
    let delivery = webhook::open(&api.webhook_secret, Some(&signature), &body, now_s);
    let delivery = delivery.map_err(|fault| match fault {
        Fault::Signature => unsigned(),
        Fault::Stale => Problem::unauthorized("The delivery is too old."),
        Fault::Unreadable => Problem::bad_request("The event can't be read."),
    })?;
    match api.payments.follow(&delivery.hint).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(Refusal::NotFound) => Err(Problem::not_found("There is no such payment.")),
        // The provider contradicts itself. A redelivery would not help.
        Err(Refusal::Mismatch(detail)) => {
            eprintln!("payments: webhook {}: {detail}", delivery.id);
            Ok(StatusCode::NO_CONTENT)
        }
        Err(refusal) => {
            eprintln!("payments: webhook {}: {refusal:?}", delivery.id);
            Err(Problem::unavailable("The event can't be taken in now.", 5))
        }
    }
}

/// The signature of a delivery. Other requests are refused by their head, so that their bodies are
/// not waited for.
fn signature(headers: &HeaderMap) -> Result<String> {
    let value = headers.get(webhook::SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let signature = value.ok_or_else(unsigned)?;
    if media_type(headers) != JSON {
        return Err(Problem::new(ProblemType::UnsupportedMediaType)
            .detail("Send the event as application/json."));
    }
    Ok(signature.to_owned())
}

fn unsigned() -> Problem {
    Problem::unauthorized("The signature is missing or wrong.")
}

#[cfg(test)]
mod api;
