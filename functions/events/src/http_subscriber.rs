//! Delivery by HTTP: `POST http://<component>.spin.internal<path>` in the CloudEvents HTTP
//! binding.

use crate::ports::Subscriber;
use crate::service::DELIVERY_TIMEOUT_MS;
use bytes::Bytes;
use chassis::http::Outbound;
use http::{HeaderMap, HeaderValue, Request, header};
use std::time::Duration;
use tessera_cloudevents::http::{to_batch, to_binary, to_structured};
use tessera_events::{Event, Member, Mode, Outcome};

/// The maximum length of a response in the detail of a failure, in bytes.
const DETAIL_BYTES_MAX: usize = 160;

/// Delivers through `outbound`.
#[derive(Clone, Debug)]
pub struct HttpSubscriber<O> {
    /// The HTTP client.
    pub outbound: O,
}

impl<O: Outbound> Subscriber for HttpSubscriber<O> {
    async fn deliver(&self, member: &Member, events: &[Event]) -> Outcome {
        let request = match request(member, events) {
            Ok(request) => request,
            Err(error) => return Outcome::failed(error.to_string()),
        };
        match self.outbound.send(request, DELIVERY_TIMEOUT_MS).await {
            Ok(response) => {
                let text = &response.body()[..response.body().len().min(DETAIL_BYTES_MAX)];
                let detail = format!("{}: {}", response.status(), String::from_utf8_lossy(text));
                Outcome::of_status(response.status().as_u16(), pause(response.headers()), detail)
            }
            Err(error) => Outcome::failed(error.to_string()),
        }
    }
}

fn request(member: &Member, events: &[Event]) -> Result<Request<Bytes>, http::Error> {
    let (mut headers, body) = match (member.mode, events) {
        (Mode::Binary, [event]) => to_binary(event),
        (Mode::Structured, [event]) => to_structured(event),
        _ => to_batch(events),
    };
    // The subscriber continues the trace of the event. A batch has no trace.
    let trace = match events {
        [event] => event.extensions.get("traceparent"),
        _ => None,
    };
    if let Some(Ok(trace)) = trace.map(HeaderValue::try_from) {
        headers.insert("traceparent", trace);
    }
    let uri = format!("http://{}.spin.internal{}", member.component, member.path);
    let mut request = Request::post(uri).body(Bytes::from(body))?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// `Retry-After` in seconds; a date is ignored.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chassis::http::OutboundError;
    use http::Response;
    use std::sync::{Arc, Mutex};
    use tessera_cloudevents::http::from_request;
    use tessera_events::contract::event;

    /// Returns a status and records requests.
    #[derive(Clone)]
    struct Responding(u16, Arc<Mutex<Vec<Request<Bytes>>>>);

    impl Outbound for Responding {
        async fn send(
            &self,
            request: Request<Bytes>,
            timeout_ms: u64,
        ) -> Result<Response<Bytes>, OutboundError> {
            self.1.lock().unwrap().push(request);
            if self.0 == 0 {
                return Err(OutboundError::Timeout(timeout_ms));
            }
            let response = Response::builder().status(self.0).header("retry-after", "7");
            Ok(response.body(Bytes::from_static(b"no")).unwrap())
        }
    }

    async fn deliver(status: u16, mode: Mode, events: &[Event]) -> (Outcome, Request<Bytes>) {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let subscriber = HttpSubscriber { outbound: Responding(status, sent.clone()) };
        let member = Member { component: "orders".into(), path: "/events".into(), mode };
        let outcome = subscriber.deliver(&member, events).await;
        let request = sent.lock().unwrap().remove(0);
        (outcome, request)
    }

    #[tokio::test]
    async fn events_are_delivered_in_each_mode() {
        let mut two = [event("a", 1), event("a", 2)];
        two[0].extensions.insert("traceparent".into(), "00-aa-bb-01".into());
        for (mode, events) in [
            (Mode::Binary, &two[..1]),
            (Mode::Structured, &two[..1]),
            (Mode::Batch { events_max: 9 }, &two[..]),
        ] {
            let (outcome, request) = deliver(204, mode, events).await;
            assert_eq!(outcome, Outcome::Done);
            assert_eq!(request.uri(), "http://orders.spin.internal/events");
            let trace = request.headers().get("traceparent").cloned();
            assert_eq!(trace.is_some(), events.len() == 1, "{mode:?}");
            assert_eq!(from_request(request.headers(), request.body()).unwrap(), events);
        }
    }

    #[tokio::test]
    async fn responses_are_successes_rejections_or_failures() {
        let event = [event("a", 1)];
        let (outcome, _) = deliver(503, Mode::Binary, &event).await;
        let retry_after = Some(Duration::from_secs(7));
        let detail = "503 Service Unavailable: no".to_owned();
        assert_eq!(outcome, Outcome::Failed { detail, retry_after });
        let (outcome, _) = deliver(422, Mode::Binary, &event).await;
        assert_eq!(outcome, Outcome::Rejected("422 Unprocessable Entity: no".to_owned()));
        let (outcome, _) = deliver(0, Mode::Binary, &event).await;
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    }
}
