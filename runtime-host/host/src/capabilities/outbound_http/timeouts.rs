//! How long a component waits for a server.

use super::connector::CONNECT_TIMEOUT;
use std::time::Duration;
use wasmtime_wasi_http::RequestOptions;

/// The time for the first byte of a response, and for each further one, if the component sets none.
const BYTES_TIMEOUT: Duration = Duration::from_secs(600);

/// The timeouts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For name, TCP connection and TLS handshake.
    pub(super) connect: Duration,
    /// From the beginning until the head of the response.
    pub(super) first_byte: Duration,
    /// For each further part of the response.
    pub(super) between_bytes: Duration,
}

impl Timeouts {
    pub(super) fn new(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        Self {
            connect: options.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            first_byte: options.first_byte_timeout.unwrap_or(BYTES_TIMEOUT),
            between_bytes: options.between_bytes_timeout.unwrap_or(BYTES_TIMEOUT),
        }
    }
}
