//! Requests to other services, and conditional requests of clients ([`IfMatch`]).
//!
//! Requests to other services are limited in time and size, and errors say whether the other side
//! can have acted.

mod if_match;

use bytes::Bytes;
use http::{Request, Response};
use std::future::Future;

/// The longest response that [`Outbound::send`] reads, in bytes.
pub const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// No connection was made: the other side has not acted.
    #[error("no connection: {0}")]
    Connect(String),
    /// The deadline passed (milliseconds); the other side may have acted.
    #[error("no response within {0} ms")]
    Timeout(u64),
    /// The connection or the response broke; the other side may have acted.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The response is longer than [`RESPONSE_BYTES_MAX`].
    #[error("the response is too long")]
    TooLong,
}

impl OutboundError {
    /// Whether the other side has certainly not acted.
    pub fn not_sent(&self) -> bool {
        matches!(self, OutboundError::Connect(_))
    }
}

/// The port to other services: the host's HTTP client in a component, a value in tests.
pub trait Outbound: Clone + Send + Sync + 'static {
    /// Send and read the whole response, within `timeout_ms` milliseconds.
    fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> impl Future<Output = Result<Response<Bytes>, OutboundError>> + Send;
}

pub use if_match::{IfMatch, TAGS_MAX, version_tag};

#[cfg(target_family = "wasm")]
mod spin;
#[cfg(target_family = "wasm")]
pub use spin::{SpinOutbound, forward, send};
