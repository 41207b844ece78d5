//! Requests that the host itself makes, to the private route of a component.

use super::http::headers::prepare_chained;
use crate::calls::{Call, CallError, Kind};
use crate::engine::{Request, Response, call_http, full_body};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, TraceContext};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::sync::Arc;

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
        let call =
            Call { kind: self.kind, operation: self.operation, trace: self.trace, deadline: None };
        call_http(slot, call, request).await
    }
}
