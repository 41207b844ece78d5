//! The extractor of the routes that the platform delivers events to.

use super::{Event, Invalid};
use crate::form::read_limited;
use crate::problem::{Problem, ProblemType};
use axum::extract::{FromRequest, Request};
use http::header;
use tessera_cloudevents::http::{BODY_BYTES_MAX, STRUCTURED, from_request};

/// The events of a delivery, in any mode of the CloudEvents HTTP binding: 415 if the request
/// is none, 400 if it is malformed, 413 over [`BODY_BYTES_MAX`].
#[derive(Clone, Debug)]
pub struct Received(pub Vec<Event>);

impl<S: Sync> FromRequest<S> for Received {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Received, Problem> {
        let (head, body) = request.into_parts();
        let body = read_limited(body, BODY_BYTES_MAX).await?;
        from_request(&head.headers, &body).map(Received).map_err(refusal)
    }
}

fn refusal(error: Invalid) -> Problem {
    if error.is_unsupported() {
        return Problem::new(ProblemType::UnsupportedMediaType)
            .header(header::ACCEPT, STRUCTURED)
            .detail(format!("This is no CloudEvent: {error}."));
    }
    Problem::new(ProblemType::MalformedEvent).detail(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::Body;

    async fn receive(headers: &[(&str, &str)], body: &str) -> Result<Vec<Event>, u16> {
        let mut request = Request::post("/events");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let received = Received::from_request(request, &()).await;
        received.map(|received| received.0).map_err(|problem| problem.status().as_u16())
    }

    const BINARY: [(&str, &str); 5] = [
        ("ce-specversion", "1.0"),
        ("ce-id", "o1.1"),
        ("ce-source", "/shop/orders"),
        ("ce-type", "com.shop.orders.order.placed.v1"),
        ("content-type", "application/json"),
    ];

    #[tokio::test]
    async fn events_are_read_and_refusals_have_their_status() {
        let events = receive(&BINARY, "{}").await.unwrap();
        assert_eq!((events.len(), events[0].id.as_str()), (1, "o1.1"));
        assert_eq!(receive(&BINARY[4..], "{}").await, Err(415));
        assert_eq!(receive(&BINARY[..3], "{}").await, Err(400));
        let long = "x".repeat(BODY_BYTES_MAX + 1);
        assert_eq!(receive(&BINARY, &long).await, Err(413));
    }
}
