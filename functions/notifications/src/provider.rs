//! The provider as an HTTP service: one `POST` for each message, with the notification's id as
//! `Idempotency-Key`, and the meaning of its responses.

use bytes::Bytes;
use chassis::http::{Outbound, OutboundError};
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::domain::{Channel, Outcome};
use crate::ports::Message;

/// The timeout of a request. Short, because the first attempt is part of the call that accepts the
/// notification; if the provider is slow, later attempts follow.
pub const TIMEOUT_MS: u64 = 2_500;
/// Longest message id of the provider that is stored, in characters.
pub const RECEIPT_LENGTH_MAX: usize = 100;
/// The provider, unless the variable `mail_provider_url` names another one.
pub const URL_DEFAULT: &str = "http://mailbox.spin.internal";

/// A provider over HTTP: mails are posted to `<url>/messages`, push messages to `<url>/push`.
#[derive(Clone, Debug)]
pub struct HttpProvider<O> {
    /// The HTTP client.
    pub outbound: O,
    /// Scheme and host, as in the component's allowed hosts.
    pub url: String,
    /// Sent as a bearer token, if not empty.
    pub key: String,
}

impl<O: Outbound> HttpProvider<O> {
    /// Delivers a message.
    pub async fn deliver(&self, message: &Message) -> Outcome {
        let request = match self.request(message) {
            Ok(request) => request,
            // The settings are wrong, not the message: it can be sent when they are corrected.
            Err(error) => return Outcome::deferred(format!("the provider's settings: {error}")),
        };
        match self.outbound.send(request, TIMEOUT_MS).await {
            Ok(response) => without_address(outcome(&response), &message.email),
            Err(OutboundError::Timeout(ms)) => {
                Outcome::deferred(format!("the provider did not respond within {ms} ms"))
            }
            Err(_) => Outcome::deferred("the provider can't be reached"),
        }
    }

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

/// 2xx is delivered. A client error means that the message will never be accepted, except for those
/// that are temporary (408, 409, 425, 429) or about our credentials (401, 403): a wrong key must
/// not lose mails.
fn outcome(response: &Response<Bytes>) -> Outcome {
    let status = response.status();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if status.is_success() {
        let id = body["id"].as_str().unwrap_or_default();
        return Outcome::Delivered(id.chars().take(RECEIPT_LENGTH_MAX).collect());
    }
    // An attempt without a response has delivered this notification to an address that has changed
    // since. It must not be sent again.
    let kind = body["type"].as_str().unwrap_or_default();
    if status == StatusCode::UNPROCESSABLE_ENTITY && kind.ends_with("/idempotency-key-reused") {
        return Outcome::Delivered(String::new());
    }
    let is_temporary = matches!(status.as_u16(), 401 | 403 | 408 | 409 | 425 | 429);
    if status.is_client_error() && !is_temporary {
        // The detail of a problem (RFC 9457).
        let detail = body["detail"].as_str().map(|detail| detail.chars().take(200).collect());
        let detail: String = detail.unwrap_or_else(|| status.to_string());
        return Outcome::Refused(format!("the provider refused it: {detail}"));
    }
    Outcome::Deferred {
        detail: format!("the provider responded with {status}"),
        retry_after_ms: retry_after_ms(response.headers()),
    }
}

/// Removes the address from the provider's text, which may be stored for longer than the address.
fn without_address(outcome: Outcome, email: &str) -> Outcome {
    match outcome {
        Outcome::Refused(detail) if !email.is_empty() => {
            Outcome::Refused(detail.replace(email, "the address"))
        }
        other => other,
    }
}

fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    seconds.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ports::Rendered;

    type Reply = Result<(u16, &'static str), OutboundError>;

    /// Gives one reply to all requests and stores the last one.
    #[derive(Clone)]
    struct Fixed(Reply, Arc<Mutex<Option<Request<Bytes>>>>);

    impl Outbound for Fixed {
        async fn send(
            &self,
            request: Request<Bytes>,
            _: u64,
        ) -> Result<Response<Bytes>, OutboundError> {
            *self.1.lock().unwrap() = Some(request);
            let (status, body) = self.0.clone()?;
            let response = Response::builder().status(status).header("retry-after", "7");
            Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap())
        }
    }

    async fn deliver(channel: Channel, reply: Reply) -> (Outcome, Request<Bytes>) {
        let outbound = Fixed(reply, Arc::default());
        let (url, key) = ("http://mail.test/".into(), "secret".into());
        let provider = HttpProvider { outbound: outbound.clone(), url, key };
        let (subject, text, html) = ("Hi".into(), "there".into(), "<p>there</p>".into());
        let content = Rendered { version: 1, language: "en".into(), subject, text, html };
        let (user_id, email) = ("usr_1".into(), "ada@example.org".into());
        let message = Message { id: "ntf_1".into(), channel, user_id, email, content };
        let outcome = provider.deliver(&message).await;
        let request = outbound.1.lock().unwrap().take().unwrap();
        (outcome, request)
    }

    #[tokio::test]
    async fn a_mail_has_its_idempotency_key_and_the_credentials() {
        let (outcome, request) = deliver(Channel::Email, Ok((202, r#"{"id":"msg_1"}"#))).await;
        assert_eq!(outcome, Outcome::Delivered("msg_1".into()));
        assert_eq!(request.uri(), "http://mail.test/messages");
        assert_eq!(request.headers()["idempotency-key"], "\"ntf_1\"");
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!((&body["to"], &body["subject"]), (&json!("ada@example.org"), &json!("Hi")));
    }

    #[tokio::test]
    async fn a_push_message_does_not_contain_the_address() {
        let (_, request) = deliver(Channel::Push, Ok((202, ""))).await;
        assert_eq!(request.uri(), "http://mail.test/push");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["to"], "usr_1");
        assert!(!body.to_string().contains('@'));
    }

    #[tokio::test]
    async fn the_reason_of_a_refusal_does_not_contain_the_address() {
        let reply = Ok((422, r#"{"detail":"ada@example.org has no mailbox"}"#));
        let (outcome, _) = deliver(Channel::Email, reply).await;
        let expected = "the provider refused it: the address has no mailbox";
        assert_eq!(outcome, Outcome::Refused(expected.into()));
    }

    #[tokio::test]
    async fn only_permanent_errors_are_refusals() {
        for status in [400, 404, 410, 413, 422] {
            let reply = Ok((status, r#"{"detail":"no such mailbox"}"#));
            let (outcome, _) = deliver(Channel::Email, reply).await;
            let expected = "the provider refused it: no such mailbox";
            assert_eq!(outcome, Outcome::Refused(expected.into()), "{status}");
        }
        for status in [401, 403, 408, 409, 425, 429, 500, 502, 503, 504] {
            let (outcome, _) = deliver(Channel::Email, Ok((status, ""))).await;
            let after_ms = Some(7_000);
            assert!(
                matches!(outcome, Outcome::Deferred { retry_after_ms, .. } if retry_after_ms == after_ms),
                "{status}"
            );
        }
        for error in [OutboundError::Timeout(5), OutboundError::Connect("no".into())] {
            let (outcome, _) = deliver(Channel::Email, Err(error)).await;
            assert!(matches!(outcome, Outcome::Deferred { .. }));
        }
    }

    #[tokio::test]
    async fn a_message_that_was_sent_to_an_earlier_address_is_not_sent_again() {
        let body = r#"{"type":"/problems/idempotency-key-reused"}"#;
        let (outcome, _) = deliver(Channel::Email, Ok((422, body))).await;
        assert_eq!(outcome, Outcome::Delivered(String::new()));
    }
}
