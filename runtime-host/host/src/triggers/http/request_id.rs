//! `x-request-id`: the name by which a client and an operator speak of the same request.
//!
//! A client may bring one; a request without one is called by the id of its trace. Components get
//! it with the request, the client with the answer, and it stands in the log and leads to the trace.

use crate::message::Response;
use crate::telemetry::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

const NAME: HeaderName = HeaderName::from_static("x-request-id");
/// A longer one is not taken over.
const LENGTH_MAX_BYTES: usize = 128;

/// The id that a client brings, if it can go into a log line and a URL as it is.
pub(super) fn of_client(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(NAME)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=LENGTH_MAX_BYTES).contains(&id.len()) && id.bytes().all(plain);
    fits.then(|| id.into())
}

/// Tell the component.
pub(super) fn tell(headers: &mut HeaderMap, trace: &TraceContext) {
    match value(trace) {
        Some(id) => headers.insert(NAME, id),
        None => headers.remove(NAME),
    };
}

/// Tell the client, unless the component has done so.
pub(super) fn answer(response: &mut Response, trace: &TraceContext) {
    if !response.headers().contains_key(NAME)
        && let Some(id) = value(trace)
    {
        response.headers_mut().insert(NAME, id);
    }
}

fn value(trace: &TraceContext) -> Option<HeaderValue> {
    match &trace.request_id {
        Some(id) => HeaderValue::from_str(id).ok(),
        None => HeaderValue::try_from(format!("{:032x}", trace.trace_id)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_of_clients_are_taken_over() {
        let given = |id: &str| {
            let headers = HeaderMap::from_iter([(NAME, HeaderValue::from_str(id).unwrap())]);
            of_client(&headers)
        };
        assert_eq!(given("a-1_b.C").as_deref(), Some("a-1_b.C"));
        for id in ["", "a b", "a\"b", "{}", "a/b", &"a".repeat(LENGTH_MAX_BYTES + 1)] {
            assert_eq!(given(id), None, "{id}");
        }
        assert_eq!(of_client(&HeaderMap::new()), None);
    }
}
