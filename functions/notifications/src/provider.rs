//! The provider as an HTTP service: one `POST` for each message, with the notification's id
//! as `Idempotency-Key`, and what its answers mean.

use bytes::Bytes;
use chassis::http::{Outbound, OutboundError};
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::json;

use crate::domain::{Channel, Outcome};
use crate::ports::{Message, Provider};

/// Longest wait for the provider's answer. Short, because the first attempt is part of the
/// call that accepts the notification; a slow provider is asked again later.
pub const TIMEOUT_MS: u64 = 2_500;
/// Longest id of a message that is kept, in characters.
pub const RECEIPT_LENGTH_MAX: usize = 100;
/// Where messages go unless the variable `mail_provider_url` says otherwise.
pub const URL_DEFAULT: &str = "http://mailbox.spin.internal";

/// A provider over HTTP: mails are posted to `<url>/messages`, push messages to `<url>/push`.
#[derive(Clone, Debug)]
pub struct HttpProvider<O> {
    /// The way out.
    pub outbound: O,
    /// Scheme and host, as the permission to reach it names them.
    pub url: String,
    /// Sent as a bearer token, if not empty.
    pub key: String,
}

impl<O: Outbound> Provider for HttpProvider<O> {
    async fn deliver(&self, message: &Message) -> Outcome {
        let request = match self.request(message) {
            Ok(request) => request,
            // The settings are wrong, not the message: it goes out when they are right.
            Err(error) => return deferred(format!("the provider's settings: {error}"), None),
        };
        match self.outbound.send(request, TIMEOUT_MS).await {
            Ok(answer) => without_address(outcome(&answer), &message.email),
            Err(error) => deferred(failure(&error), None),
        }
    }
}

impl<O> HttpProvider<O> {
    fn request(&self, message: &Message) -> Result<Request<Bytes>, http::Error> {
        let content = &message.content;
        let (path, body) = match message.channel {
            Channel::Email => (
                "messages",
                json!({
                    "to": message.email,
                    "subject": content.subject,
                    "text": content.text,
                    "html": content.html,
                    "language": content.language,
                }),
            ),
            Channel::Push => (
                "push",
                json!({
                    "to": message.user_id,
                    "title": content.subject,
                    "body": content.text,
                    "language": content.language,
                }),
            ),
        };
        let mut request = Request::post(format!("{}/{path}", self.url.trim_end_matches('/')))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("\"{}\"", message.id));
        if !self.key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        }
        request.body(Bytes::from(body.to_string()))
    }
}

/// 2xx is delivered. A client error means that this message will never be taken, except for
/// those that speak of now (408, 409, 425, 429) or of our credentials (401, 403): a wrong key
/// is no reason to lose mails.
fn outcome(answer: &Response<Bytes>) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return Outcome::Delivered(receipt(answer));
    }
    // It has another message of this notification: an attempt whose answer was lost went to
    // an address that has changed since. There must be no second one.
    if status == StatusCode::UNPROCESSABLE_ENTITY && is_key_reused(answer) {
        return Outcome::Delivered(String::new());
    }
    let passing = matches!(status.as_u16(), 401 | 403 | 408 | 409 | 425 | 429);
    if status.is_client_error() && !passing {
        return Outcome::Refused(format!("the provider refused it: {}", reason(answer)));
    }
    let detail = format!("the provider answered {status}");
    deferred(detail, retry_after_ms(answer.headers()))
}

/// Removes the address from the provider's text, which may be kept for longer than the address.
fn without_address(outcome: Outcome, email: &str) -> Outcome {
    match outcome {
        Outcome::Refused(detail) if !email.is_empty() => {
            Outcome::Refused(detail.replace(email, "the address"))
        }
        other => other,
    }
}

/// The provider's id of the message; empty if it does not say.
fn receipt(answer: &Response<Bytes>) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(answer.body()).ok();
    let id = body.as_ref().and_then(|body| body["id"].as_str()).unwrap_or_default();
    id.chars().take(RECEIPT_LENGTH_MAX).collect()
}

fn is_key_reused(answer: &Response<Bytes>) -> bool {
    let problem: Option<serde_json::Value> = serde_json::from_slice(answer.body()).ok();
    let kind = problem.as_ref().and_then(|problem| problem["type"].as_str());
    kind.is_some_and(|kind| kind.ends_with("/idempotency-key-reused"))
}

/// The provider's words, if they are a problem (RFC 9457), and short.
fn reason(answer: &Response<Bytes>) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(answer.body()).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    detail.map_or_else(|| status_text(answer.status()), |text| text.chars().take(200).collect())
}

fn status_text(status: StatusCode) -> String {
    status.to_string()
}

fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    seconds.checked_mul(1_000)
}

fn failure(error: &OutboundError) -> String {
    match error {
        OutboundError::Timeout(ms) => format!("the provider did not answer within {ms} ms"),
        _ => "the provider can't be reached".to_owned(),
    }
}

fn deferred(detail: String, retry_after_ms: Option<u64>) -> Outcome {
    Outcome::Deferred { detail, retry_after_ms }
}

#[cfg(test)]
mod tests;
