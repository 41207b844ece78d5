//! `x-request-id`: identifies a request for clients and operators.
//!
//! A client may set it; otherwise it is the id of the trace. Components get it with the request and
//! the client with the response, and it is in the log and can be used to find the trace.

use crate::message::Response;
use crate::telemetry::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

const NAME: HeaderName = HeaderName::from_static("x-request-id");
/// The span of a request, for its client: as in drafts of W3C Trace Context, level 2.
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// A longer one is ignored.
const LENGTH_MAX_BYTES: usize = 128;

/// The id of the client, if it can be part of a log line and a URL.
pub(super) fn of_client(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(NAME)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=LENGTH_MAX_BYTES).contains(&id.len()) && id.bytes().all(plain);
    fits.then(|| id.into())
}

/// Sets it in the request to the component.
pub(super) fn set_in_request(headers: &mut HeaderMap, trace: &TraceContext) {
    match value(trace) {
        Some(id) => headers.insert(NAME, id),
        None => headers.remove(NAME),
    };
}

/// Sets it in the response, unless the component has done so, and with it the span of the request.
pub(super) fn set_in_response(response: &mut Response, trace: &TraceContext) {
    if !response.headers().contains_key(TRACE_RESPONSE)
        && let Ok(value) = HeaderValue::try_from(trace.parent_text())
    {
        response.headers_mut().insert(TRACE_RESPONSE, value);
    }
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
    fn only_plain_ids_of_clients_are_used() {
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
