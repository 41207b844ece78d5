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
    let (outcome, request) = deliver(Channel::Email, Ok((202, r#"{"id":"msg_1"}"#))).await;
    assert_eq!(outcome, Outcome::Delivered("msg_1".into()));
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
async fn the_reason_of_a_refusal_does_not_contain_the_address() {
    let answer = Ok((422, r#"{"detail":"ada@example.org has no mailbox"}"#));
    let (outcome, _) = deliver(Channel::Email, answer).await;
    let expected = "the provider refused it: the address has no mailbox";
    assert_eq!(outcome, Outcome::Refused(expected.into()));
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

#[tokio::test]
async fn a_message_that_went_to_an_earlier_address_is_not_sent_again() {
    let body = r#"{"type":"/problems/idempotency-key-reused"}"#;
    let (outcome, _) = deliver(Channel::Email, Ok((422, body))).await;
    assert_eq!(outcome, Outcome::Delivered(String::new()));
}
