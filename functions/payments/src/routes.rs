//! The HTTP routes of payments: the ledger for administrators, webhooks for the provider.

use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource};
use chassis::form::{JSON, media_type, read_limited};
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Clock, Problem, ProblemType, Result};
use http::{HeaderMap, StatusCode};

use crate::ports::Provider;
use crate::provider::webhook::{self, WebhookError};
use crate::records::Position;
use crate::service::{Payments, Refusal, SweepReport};
use crate::view::{PaymentView, PostingView};

/// Names the ledger in its cursors.
const LEDGER: &str = "payments/ledger";

/// The state of the routes.
#[derive(Clone)]
pub struct Api<S, P, C, K> {
    /// The use cases.
    pub payments: Payments<S, P, C>,
    /// The keys that verify tokens.
    pub keys: K,
    /// The secret of the webhooks' signatures.
    pub webhook_secret: String,
}

chassis::auth_state!(Api<S: Store, P: Provider, C: Clock; K>);

/// `GET /api/v1/payments/ledger`, `GET /api/v1/admin/payments/{id}` and `POST /webhooks/psp`;
/// and `POST /sweep`, which the host calls on a schedule and the gateway does not forward.
pub fn router<S: Store, P: Provider, C: Clock, K: KeySource>(api: Api<S, P, C, K>) -> Router {
    Router::new()
        .route("/api/v1/payments/ledger", get(Api::<S, P, C, K>::ledger))
        .route("/api/v1/admin/payments/{id}", get(Api::<S, P, C, K>::show))
        .route("/sweep", post(Api::<S, P, C, K>::sweep))
        .route("/webhooks/psp", post(Api::<S, P, C, K>::receive))
        .with_state(api)
}

impl<S: Store, P: Provider, C: Clock, K: KeySource> Api<S, P, C, K> {
    async fn ledger(
        State(api): State<Self>,
        _admin: Admin,
        query: PageQuery,
    ) -> Result<Json<Page<PostingView>>> {
        let from: Option<Position> = query.position(LEDGER)?;
        if from.is_none()
            && let Err(refusal) = api.payments.import_statement().await
        {
            // The known part of the ledger is returned; a sweep reads the rest.
            eprintln!("payments: the statement can't be read: {refusal:?}");
        }
        let (postings, rest) = api.payments.records().postings(from, query.limit).await?;
        Ok(Json(Page {
            items: postings.into_iter().map(PostingView::from).collect(),
            next_cursor: rest.map(|position| Cursor::encode(LEDGER, &position)),
        }))
    }

    async fn show(
        State(api): State<Self>,
        _admin: Admin,
        Path(id): Path<String>,
    ) -> Result<Json<PaymentView>> {
        let found = api.payments.records().load(&id).await?;
        found
            .map(|found| Json(found.into()))
            .ok_or_else(|| Problem::not_found("There is no such payment."))
    }

    async fn sweep(State(api): State<Self>) -> Result<Json<SweepReport>> {
        Ok(Json(api.payments.sweep().await?))
    }

    async fn receive(State(api): State<Self>, request: Request) -> Result<StatusCode> {
        let signature = signature(request.headers())?;
        let body = read_limited(request.into_body(), webhook::BODY_BYTES_MAX).await?;
        let now_s = api.payments.now_ms() / 1_000;
        let delivery = webhook::open(&api.webhook_secret, Some(&signature), &body, now_s);
        let delivery = delivery.map_err(|error| match error {
            WebhookError::Signature => unsigned(),
            WebhookError::Stale => Problem::unauthorized("The delivery is too old."),
            WebhookError::Unreadable => Problem::bad_request("The event can't be read."),
        })?;
        match api.payments.handle_hint(&delivery.hint).await {
            Ok(()) => Ok(StatusCode::NO_CONTENT),
            Err(Refusal::NotFound) => Err(Problem::not_found("There is no such payment.")),
            // The provider contradicts itself. A redelivery would not help.
            Err(Refusal::Mismatch(detail)) => {
                eprintln!("payments: webhook {}: {detail}", delivery.id);
                Ok(StatusCode::NO_CONTENT)
            }
            Err(refusal) => {
                eprintln!("payments: webhook {}: {refusal:?}", delivery.id);
                Err(Problem::unavailable("The event can't be processed now.", 5))
            }
        }
    }
}

/// The signature of a delivery. Requests without one are refused before their body is read.
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
