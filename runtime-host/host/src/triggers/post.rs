//! Requests that the host itself makes, to the private route of a component.

use super::refused::Fault;
use crate::calls::{Call, CallError, Kind};
use crate::message::spin_fields::prepare_chained;
use crate::message::{Http, Request, Response, full_body};
use crate::registry::Registry;
use crate::telemetry::otlp::Details;
use crate::telemetry::{SpanKind, TraceContext};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;

/// The maximum size of a response of which only the end matters.
const RESPONSE_MAX_BYTES: usize = 1024 * 1024;

/// One `POST`.
pub(super) struct Post {
    /// The component that is called.
    pub(super) component: Arc<str>,
    /// The path, with its leading slash.
    pub(super) path: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) kind: SpanKind,
    /// The operation of its span.
    pub(super) operation: Arc<str>,
    /// The trace that it belongs to.
    pub(super) trace: TraceContext,
    /// What its span says in addition, if it is exported.
    pub(super) details: Option<Arc<Details>>,
}

impl Post {
    /// A request without a body that begins a trace.
    pub(super) fn empty(component: &str, path: &str, kind: SpanKind, operation: &str) -> Self {
        Self {
            component: component.into(),
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            kind,
            operation: operation.into(),
            trace: TraceContext::root(),
            details: None,
        }
    }

    /// Sends it, reads the response to its end, which is when the component has completed its work,
    /// and returns the status. The deadlines for the head and for the body apply.
    ///
    /// Errors: the call was refused or failed, or the body was aborted or is too large.
    pub(super) async fn finish(self, registry: &Registry<Http>) -> Result<StatusCode, Fault> {
        let response = self.send(registry).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut read_bytes = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                format!("its response with {} was aborted: {error:?}", status.as_u16())
            })?;
            read_bytes += frame.data_ref().map_or(0, Bytes::len);
            if read_bytes > RESPONSE_MAX_BYTES {
                let fault = format!("its response is larger than {RESPONSE_MAX_BYTES} bytes");
                return Err(fault.into());
            }
        }
        Ok(status)
    }

    /// Sends it, with the deadline that the component has for any call.
    pub(super) async fn send(self, registry: &Registry<Http>) -> Result<Response, CallError> {
        let entry = registry.resolve(&self.component)?;
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
        let mut call = Call::from_outside(self.kind, self.operation, self.trace);
        call.details = self.details;
        entry.call(call, request).await
    }
}
