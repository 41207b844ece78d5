//! Requests that the host itself makes, to the private route of a component.

use super::http::headers::prepare_chained;
use crate::calls::{Call, CallError, Kind};
use crate::engine::{Request, Response, call_http, full_body};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, TraceContext};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;

/// What is read of an answer that nobody wants but for its end.
const ANSWER_MAX_BYTES: usize = 1024 * 1024;

/// One `POST`.
pub(super) struct Post {
    /// Who is asked.
    pub(super) component: Arc<str>,
    /// Where, with its leading slash.
    pub(super) path: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) kind: SpanKind,
    /// The operation of its span.
    pub(super) operation: Arc<str>,
    /// What it belongs to.
    pub(super) trace: TraceContext,
}

impl Post {
    /// One without a body that begins a trace.
    pub(super) fn empty(component: &str, path: &str, kind: SpanKind, operation: &str) -> Self {
        Self {
            component: component.into(),
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            kind,
            operation: operation.into(),
            trace: TraceContext::root(),
        }
    }

    /// Send it and read the answer to its end, which is when the component has done what it was
    /// told. The times that it has for a head and for a body hold. Gives the status; errors are
    /// for the log: the call failed, or the body broke off or is too large.
    pub(super) async fn finish(self, registry: &Registry) -> Result<StatusCode, String> {
        let answer = self.send(registry).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let mut body = answer.into_body();
        let mut read_bytes = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                format!("it answered {} but not to the end: {error:?}", status.as_u16())
            })?;
            read_bytes += frame.data_ref().map_or(0, Bytes::len);
            if read_bytes > ANSWER_MAX_BYTES {
                return Err(format!("its answer is larger than {ANSWER_MAX_BYTES} bytes"));
            }
        }
        Ok(status)
    }

    /// Send it, with the time that the component has for any call.
    pub(super) async fn send(self, registry: &Registry) -> Result<Response, CallError> {
        let slot = registry.resolve(&self.component)?;
        let mut request = Request::new(full_body(self.body));
        *request.method_mut() = Method::POST;
        let uri = format!("http://{}.spin.internal{}", self.component, self.path);
        *request.uri_mut() = uri.parse().map_err(|error| {
            CallError::new(Kind::NotFound, format!("{uri} can't be called: {error}"))
        })?;
        *request.headers_mut() = self.headers;
        prepare_chained(&mut request);
        if self.trace.span_id != 0 {
            self.trace.write(request.headers_mut());
        }
        let call = Call::from_outside(self.kind, self.operation, self.trace);
        call_http(slot, call, request).await
    }
}
