//! The provider's API (`/messages`, `/push`) and the pages for people.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::clock::{now_ms, rfc3339};
use chassis::form::JsonBody;
use chassis::store::Store;
use chassis::{Problem, ProblemType, Result};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::inbox::{Accepted, Content, Inbox, Kind, Summary};
use crate::pages;

/// Longest idempotency key, in characters.
const KEY_LENGTH_MAX: usize = 255;
/// Longest text of a message, in characters.
const TEXT_LENGTH_MAX: usize = 60_000;

/// The domain of addresses that can't exist (RFC 2606): mails to them bounce, as at any provider.
const INVALID_TLD: &str = ".invalid";

/// No scripts and no requests; a mail's own style may apply inside its frame.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The state of the routes.
#[derive(Clone)]
pub struct App<S> {
    /// The messages.
    pub inbox: Inbox<S>,
    /// The bearer token of senders; empty for no check.
    pub key: String,
}

impl<S> App<S> {
    /// 401 unless the sender has the key.
    fn authenticate(&self, headers: &HeaderMap) -> Result<()> {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        match self.key.is_empty() || bool::from(presented.as_bytes().ct_eq(self.key.as_bytes())) {
            true => Ok(()),
            false => Err(Problem::unauthorized("Send the provider's key as a bearer token.")),
        }
    }
}

/// All routes of the mailbox.
pub fn router<S: Store>(app: App<S>) -> Router {
    let pages = Router::new()
        .route("/mailbox", get(list::<S>))
        .route("/mailbox/style.css", get(style))
        .route("/mailbox/{id}", get(read::<S>))
        .layer(map_response(harden));
    Router::new()
        .route("/messages", post(mail::<S>))
        .route("/push", post(push::<S>))
        .route("/mailbox.json", get(json_list::<S>))
        // The same, below the path that is public through the gateway.
        .route("/mailbox/messages.json", get(json_list::<S>))
        .merge(pages)
        .with_state(app)
}

async fn mail<S: Store>(
    State(app): State<App<S>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let content = content(&body, Kind::Email)?;
    if content.to.to_ascii_lowercase().ends_with(INVALID_TLD) {
        return Err(Problem::new(ProblemType::NoSuchMailbox)
            .detail(format!("There is no mailbox {}.", content.to)));
    }
    accept(&app, &headers, content).await
}

async fn push<S: Store>(
    State(app): State<App<S>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    accept(&app, &headers, content(&body, Kind::Push)?).await
}

fn content(body: &JsonBody, kind: Kind) -> Result<Content> {
    let mut fields = body.fields();
    let is_mail = kind == Kind::Email;
    let (to_length, subject, text) = match kind {
        Kind::Email => (3..=254, "subject", "text"),
        Kind::Push => (1..=100, "title", "body"),
    };
    let to = fields.string("to", to_length);
    if is_mail && to.as_deref().is_some_and(|to| !is_address(to)) {
        fields.fault("to", "must be one mail address");
    }
    let subject = fields.string(subject, 1..=400);
    let text = fields.string(text, 1..=TEXT_LENGTH_MAX);
    let html = is_mail.then(|| fields.optional_string("html", 1..=TEXT_LENGTH_MAX)).flatten();
    let language = fields.optional_string("language", 2..=35);
    fields.finish()?;
    let (Some(to), Some(subject), Some(text)) = (to, subject, text) else {
        return Err(Problem::internal());
    };
    Ok(Content { kind, to, subject, text, html, language })
}

async fn accept<S: Store>(app: &App<S>, headers: &HeaderMap, content: Content) -> Result<Response> {
    app.authenticate(headers)?;
    let key = idempotency_key(headers)?;
    match app.inbox.accept(&key, content, now_ms()).await? {
        Accepted::Id(id) => Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response()),
        Accepted::KeyReused => Err(Problem::new(ProblemType::IdempotencyKeyReused)
            .detail("This Idempotency-Key was already used with a different message.")),
    }
}

/// The key, with or without the quotes of the header's grammar.
fn idempotency_key(headers: &HeaderMap) -> Result<String> {
    let value = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let key = value.unwrap_or_default().trim().trim_matches('"');
    if (1..=KEY_LENGTH_MAX).contains(&key.len()) {
        return Ok(key.to_owned());
    }
    Err(Problem::bad_request(format!(
        "The header Idempotency-Key is required, with 1 to {KEY_LENGTH_MAX} characters."
    )))
}

fn is_address(text: &str) -> bool {
    let is_valid = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
    };
    text.split_once('@').is_some_and(|(local, domain)| is_valid(local) && is_valid(domain))
}

async fn list<S: Store>(State(app): State<App<S>>) -> Result<Response> {
    Ok(html(pages::list(&app.inbox.list().await?)))
}

async fn read<S: Store>(State(app): State<App<S>>, Path(id): Path<String>) -> Result<Response> {
    let Some((summary, content)) = app.inbox.find(&id).await? else {
        return Ok((StatusCode::NOT_FOUND, html(pages::missing())).into_response());
    };
    Ok(html(pages::message(&summary, &content)))
}

async fn json_list<S: Store>(State(app): State<App<S>>) -> Result<Json<Value>> {
    let items: Vec<Value> = app.inbox.list().await?.iter().map(item).collect();
    Ok(Json(json!({ "items": items, "next_cursor": null })))
}

fn item(summary: &Summary) -> Value {
    json!({
        "id": summary.id,
        "kind": summary.kind,
        "to": summary.to,
        "subject": summary.subject,
        "received_at": rfc3339(summary.received_at_ms),
    })
}

async fn style() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, [(header::CACHE_CONTROL, "public, max-age=3600")], pages::STYLE).into_response()
}

fn html(page: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, [(header::CACHE_CONTROL, "no-store")], page).into_response()
}

async fn harden(mut response: Response) -> Response {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
