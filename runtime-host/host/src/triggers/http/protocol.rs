//! Which version of HTTP a connection speaks, and the limits of each.
//!
//! An HTTP/2 client without TLS sends the 24-byte preface first. Until it has arrived, or differs,
//! the protocol is undecided; the time for this is limited.

use super::limits::FrontLimits;
use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A request line with all its header fields.
pub(super) const HEADERS_MAX_BYTES: usize = 64 * 1024;
/// Bytes of a body that a connection reads at once. It begins with a few kilobytes, and only a
/// client that fills them gets more.
const READ_MAX_BYTES: usize = 400 * 1024;
/// Streams at once on one HTTP/2 connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// The interval of HTTP/2 pings.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// The timeout of a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// What all connections of HTTP/2 begin with, and none of HTTP/1 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The HTTP version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// The protocol that was negotiated in the TLS handshake.
    pub(super) fn agreed(alpn: Option<&[u8]>) -> Option<Self> {
        match alpn? {
            b"h2" => Some(Self::Http2),
            b"http/1.1" => Some(Self::Http1),
            _ => None,
        }
    }

    /// The protocol according to the first bytes, and these bytes; `None` if the client disconnects
    /// without sending any.
    pub(super) async fn read(
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<(Self, Bytes)>> {
        let mut begins = [0; PREFACE.len()];
        let mut length = 0;
        loop {
            let read = stream.read(&mut begins[length..]).await?;
            length += read;
            let found = match Self::beginning(&begins[..length]) {
                Some(protocol) => protocol,
                None if length == 0 => return Ok(None),
                // The client stopped in the middle of a possible preface.
                None if read == 0 => Self::Http1,
                None => continue,
            };
            return Ok(Some((found, Bytes::copy_from_slice(&begins[..length]))));
        }
    }

    /// `None` if it is still undecided.
    fn beginning(bytes: &[u8]) -> Option<Self> {
        match PREFACE.starts_with(bytes) {
            false => Some(Self::Http1),
            true if bytes.len() == PREFACE.len() => Some(Self::Http2),
            true => None,
        }
    }
}

pub(super) fn http1(limits: &FrontLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    let chosen = limits.http1_buffer_bytes.map(|bytes| bytes as usize);
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout())
        .max_header_size(chosen.unwrap_or(HEADERS_MAX_BYTES))
        .max_buf_size(chosen.unwrap_or(READ_MAX_BYTES));
    builder
}

pub(super) fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        // hyper closes the connection above its own limit, which is higher, so that slightly larger
        // heads get a response.
        .max_header_list_size(2 * HEADERS_MAX_BYTES as u32)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Option<(Protocol, Bytes)> {
        let mut bytes = bytes;
        Protocol::read(&mut bytes).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_complete_preface_is_http_2() {
        assert_eq!(read(PREFACE).await, Some((Protocol::Http2, PREFACE.into())));
        let more = [PREFACE, b"more"].concat();
        assert_eq!(read(&more).await, Some((Protocol::Http2, PREFACE.into())));
        for begins in ["G", "PU", "PUT / HTTP/1.1\r\n", "PRI", "PRI * HTTP/2.0\r\n\r\nXX", "pri"] {
            let (protocol, bytes) = read(begins.as_bytes()).await.unwrap();
            assert_eq!((protocol, &*bytes), (Protocol::Http1, begins.as_bytes()), "{begins}");
        }
        assert_eq!(read(b"").await, None);
    }

    #[test]
    fn the_protocol_is_negotiated_in_tls() {
        assert_eq!(Protocol::agreed(Some(b"http/1.1")), Some(Protocol::Http1));
        assert_eq!(Protocol::agreed(Some(b"h2")), Some(Protocol::Http2));
        assert_eq!(Protocol::agreed(None), None);
    }
}
