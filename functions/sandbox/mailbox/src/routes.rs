//! The provider's API (`/messages`, `/push`) and the pages for people.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::clock::{now_ms, rfc3339};
use chassis::form::{Fields, JsonBody};
use chassis::store::Store;
use chassis::{Problem, ProblemType, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::inbox::{Content, Inbox, Kind, Summary, Taken};
use crate::pages;

/// Longest idempotency key, in characters.
const KEY_LENGTH_MAX: usize = 255;
/// Longest text of a message, in characters.
const TEXT_LENGTH_MAX: usize = 60_000;

/// Domains that can't exist (RFC 2606): mails to them bounce, as they do at any provider.
const NOBODY: &str = ".invalid";

/// Nothing runs and nothing is fetched; a mail's own style may apply inside its frame.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the routes work with.
#[derive(Clone)]
pub struct Desk<S> {
    /// The messages.
    pub inbox: Inbox<S>,
    /// What senders must present as a bearer token; empty for no check.
    pub key: String,
}

impl<S> Desk<S> {
    /// 401 unless the sender has the key.
    fn admit(&self, headers: &HeaderMap) -> Result<()> {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        // Digests, so that the time of the comparison says nothing about the key.
        if self.key.is_empty() || Sha256::digest(presented) == Sha256::digest(&self.key) {
            return Ok(());
        }
        Err(Problem::unauthorized("Send the provider's key as a bearer token."))
    }
}

/// Everything that the mailbox answers.
pub fn router<S: Store>(desk: Desk<S>) -> Router {
    let pages = Router::new()
        .route("/mailbox", get(list::<S>))
        .route("/mailbox/style.css", get(style))
        .route("/mailbox/{id}", get(read::<S>))
        .layer(map_response(harden));
    Router::new()
        .route("/messages", post(mail::<S>))
        .route("/push", post(push::<S>))
        .route("/mailbox.json", get(json_list::<S>))
        // The same below the path that the gateway shows to the outside.
        .route("/mailbox/messages.json", get(json_list::<S>))
        .merge(pages)
        .with_state(desk)
}

async fn mail<S: Store>(
    State(desk): State<Desk<S>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let content = content(&body, |fields| {
        let to = fields.string("to", 3..=254);
        if to.as_deref().is_some_and(|to| !is_address(to)) {
            fields.fault("to", "must be one mail address");
        }
        let subject = fields.string("subject", 1..=400);
        let text = fields.string("text", 1..=TEXT_LENGTH_MAX);
        let html = fields.optional_string("html", 1..=TEXT_LENGTH_MAX);
        let language = fields.optional_string("language", 2..=35);
        let (to, subject, text) = (to?, subject?, text?);
        Some(Content { kind: Kind::Email, to, subject, text, html, language })
    })?;
    if content.to.to_ascii_lowercase().ends_with(NOBODY) {
        return Err(Problem::new(ProblemType::NoSuchMailbox)
            .detail(format!("There is no mailbox {}.", content.to)));
    }
    take(&desk, &headers, content).await
}

async fn push<S: Store>(
    State(desk): State<Desk<S>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response> {
    let content = content(&body, |fields| {
        let to = fields.string("to", 1..=100);
        let subject = fields.string("title", 1..=400);
        let text = fields.string("body", 1..=TEXT_LENGTH_MAX);
        let language = fields.optional_string("language", 2..=35);
        let (to, subject, text) = (to?, subject?, text?);
        Some(Content { kind: Kind::Push, to, subject, text, html: None, language })
    })?;
    take(&desk, &headers, content).await
}

fn content(
    body: &JsonBody,
    read: impl FnOnce(&mut Fields<'_>) -> Option<Content>,
) -> Result<Content> {
    let mut fields = body.fields();
    let content = read(&mut fields);
    fields.finish()?;
    content.ok_or_else(Problem::internal)
}

async fn take<S: Store>(desk: &Desk<S>, headers: &HeaderMap, content: Content) -> Result<Response> {
    desk.admit(headers)?;
    let key = idempotency_key(headers)?;
    match desk.inbox.take(&key, content, now_ms()).await? {
        Taken::Id(id) => Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response()),
        Taken::Reused => Err(Problem::new(ProblemType::IdempotencyKeyReused)
            .detail("This Idempotency-Key was already used with a different message.")),
    }
}

/// The key, with or without the quotes that the header's grammar has.
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
    let sound = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
    };
    text.split_once('@').is_some_and(|(local, domain)| sound(local) && sound(domain))
}

async fn list<S: Store>(State(desk): State<Desk<S>>) -> Result<Response> {
    Ok(html(pages::list(&desk.inbox.list().await?)))
}

async fn read<S: Store>(State(desk): State<Desk<S>>, Path(id): Path<String>) -> Result<Response> {
    let Some((summary, content)) = desk.inbox.find(&id).await? else {
        return Ok((StatusCode::NOT_FOUND, html(pages::missing())).into_response());
    };
    Ok(html(pages::message(&summary, &content)))
}

async fn json_list<S: Store>(State(desk): State<Desk<S>>) -> Result<Json<Value>> {
    let items: Vec<Value> = desk.inbox.list().await?.iter().map(item).collect();
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
