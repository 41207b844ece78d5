//! What components are sent: HTTP requests with their responses, and messages of channels.
//!
//! Bodies have the type that wasmtime's implementation of `wasi:http` takes and returns, so a body
//! that passes through the host is not boxed a second time. The rest of the host uses the names
//! from here.

mod framing;
mod judge;
mod pieces;
pub(crate) mod spin_fields;

pub(crate) use framing::{check_length, check_status, is_bodiless, needs_length, without_body};
pub(crate) use judge::{is_health_check, is_idempotent};
pub(crate) use pieces::Pieces;
pub(crate) use wasmtime_wasi_http::{Error as BodyError, WasiBody as Body};

use crate::calls::Protocol;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};

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
