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
            Ok(answer) => outcome(&answer),
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
        return Outcome::Delivered;
    }
    let passing = matches!(status.as_u16(), 401 | 403 | 408 | 409 | 425 | 429);
    if status.is_client_error() && !passing {
        return Outcome::Refused(format!("the provider refused it: {}", reason(answer)));
    }
    let detail = format!("the provider answered {status}");
    deferred(detail, retry_after_ms(answer.headers()))
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ports::Rendered;

    type Answer = Result<(u16, &'static str), OutboundError>;

    /// Gives one answer to everything and keeps the last request.
    #[derive(Clone)]
    struct Fixed(Answer, Arc<Mutex<Option<Request<Bytes>>>>);

    impl Outbound for Fixed {
        async fn send(
            &self,
            request: Request<Bytes>,
            _: u64,
        ) -> Result<Response<Bytes>, OutboundError> {
            *self.1.lock().unwrap() = Some(request);
            let (status, body) = self.0.clone()?;
            let answer = Response::builder().status(status).header("retry-after", "7");
            Ok(answer.body(Bytes::from_static(body.as_bytes())).unwrap())
        }
    }

    fn message(channel: Channel) -> Message {
        let content = Rendered {
            version: 1,
            language: "en".into(),
            subject: "Hi".into(),
            text: "there".into(),
            html: "<p>there</p>".into(),
        };
        let (user_id, email) = ("usr_1".into(), "ada@example.org".into());
        Message { id: "ntf_1".into(), channel, user_id, email, content }
    }

    async fn deliver(channel: Channel, answer: Answer) -> (Outcome, Request<Bytes>) {
        let outbound = Fixed(answer, Arc::default());
        let provider = HttpProvider {
            outbound: outbound.clone(),
            url: "http://mail.test/".into(),
            key: "secret".into(),
        };
        let outcome = provider.deliver(&message(channel)).await;
        let request = outbound.1.lock().unwrap().take().unwrap();
        (outcome, request)
    }

    #[tokio::test]
    async fn a_mail_carries_its_key_and_the_credentials() {
        let (outcome, request) = deliver(Channel::Email, Ok((202, ""))).await;
        assert_eq!(outcome, Outcome::Delivered);
        assert_eq!(request.uri(), "http://mail.test/messages");
        assert_eq!(request.headers()["idempotency-key"], "\"ntf_1\"");
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!((&body["to"], &body["subject"]), (&json!("ada@example.org"), &json!("Hi")));
    }

    #[tokio::test]
    async fn a_push_message_goes_elsewhere_and_names_no_address() {
        let (_, request) = deliver(Channel::Push, Ok((202, ""))).await;
        assert_eq!(request.uri(), "http://mail.test/push");
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["to"], "usr_1");
        assert!(!String::from_utf8_lossy(request.body()).contains('@'));
    }

    #[tokio::test]
    async fn only_what_can_never_work_is_refused() {
        for status in [400, 404, 410, 413, 422] {
            let answer = Ok((status, r#"{"detail":"no such mailbox"}"#));
            let (outcome, _) = deliver(Channel::Email, answer).await;
            let expected = "the provider refused it: no such mailbox";
            assert_eq!(outcome, Outcome::Refused(expected.into()), "{status}");
        }
        for status in [401, 403, 408, 409, 425, 429, 500, 502, 503, 504] {
            let (outcome, _) = deliver(Channel::Email, Ok((status, ""))).await;
            let wish = Some(7_000);
            assert!(
                matches!(outcome, Outcome::Deferred { retry_after_ms, .. } if retry_after_ms == wish),
                "{status}"
            );
        }
        for error in [OutboundError::Timeout(5), OutboundError::Connect("no".into())] {
            let (outcome, _) = deliver(Channel::Email, Err(error)).await;
            assert!(matches!(outcome, Outcome::Deferred { .. }));
        }
    }
}
