//! What components are sent: HTTP requests with their responses, and messages of channels.
//!
//! Bodies have the type that wasmtime's implementation of `wasi:http` takes and returns, so a body
//! that passes through the host is not boxed a second time. The rest of the host uses the names
//! from here.

mod framing;
mod judge;
mod observed;
mod pieces;
pub(crate) mod spin_fields;

pub(crate) use framing::{check_length, check_status, is_bodiless, needs_length, without_body};
pub(crate) use judge::{is_health_check, is_idempotent};
pub(crate) use pieces::Pieces;
pub(crate) use wasmtime_wasi_http::{Error as BodyError, WasiBody as Body};

use crate::calls::{CopiedRequest, Protocol, Side};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::Method;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use std::collections::BTreeSet;

/// A request to a component.
pub(crate) type Request = http::Request<Body>;
/// A response of a component.
pub(crate) type Response = http::Response<Body>;

/// Calls by HTTP.
pub(crate) enum Http {}

impl Protocol for Http {
    type Request = Request;
    type Response = Response;

    fn fields<'a>(request: &'a Request, name: &str) -> Vec<&'a [u8]> {
        request.headers().get_all(name).iter().map(http::HeaderValue::as_bytes).collect()
    }

    /// Reads without a body: they have no effect that a client asks for (RFC 9110, section 9.2.1).
    fn may_copy(request: &Request, _: &BTreeSet<String>) -> bool {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        is_read && request.body().is_end_stream()
    }

    fn copy(request: &Request) -> Option<CopiedRequest<Request>> {
        let mut copy = Request::new(full_body(Bytes::new()));
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        *copy.version_mut() = request.version();
        Some(CopiedRequest { request: copy, with_body: request.method() != Method::HEAD })
    }

    fn observe(response: Response, side: Side) -> Response {
        observed::observe(response, side)
    }

    fn discard(response: Response) -> BoxFuture<'static, ()> {
        Box::pin(observed::discard(response))
    }
}

/// Calls with a message of a channel. The response is the error of the component, if it returns one.
pub(crate) enum Messages {}

impl Protocol for Messages {
    type Request = Bytes;
    type Response = Result<(), String>;
}

/// A body that is complete.
pub(crate) fn full_body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
