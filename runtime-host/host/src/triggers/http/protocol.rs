//! Which version of HTTP a connection speaks, and the limits of each.
//!
//! Nearly all speak HTTP/1.1, and nearly all of those say so with their first byte. Only where it
//! is not to be seen at once does the library that can tell them apart stand between.

use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a client may take to send the head of a request, and to finish a handshake.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A request line with all its header fields.
const HEADERS_MAX_BYTES: usize = 64 * 1024;
/// Bytes of a body that a connection reads at once. It begins with a few kilobytes, and only a
/// client that fills them gets more.
const READ_MAX_BYTES: usize = 400 * 1024;
/// Streams at once on one HTTP/2 connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// What all connections of HTTP/2 begin with, and none of HTTP/1 (RFC 9113, section 3.4).
const HTTP2_BEGINS: &[u8] = b"PRI";

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    /// HTTP/2, or too early to say.
    Unclear,
}

impl Protocol {
    /// What the first bytes say; none if the client has gone without sending any.
    pub(super) async fn of(socket: &TcpStream) -> io::Result<Option<Self>> {
        let mut begins = [0; HTTP2_BEGINS.len()];
        let length = socket.peek(&mut begins).await?;
        Ok((length > 0).then(|| Self::beginning(&begins[..length])))
    }

    fn beginning(bytes: &[u8]) -> Self {
        if HTTP2_BEGINS.starts_with(bytes) { Self::Unclear } else { Self::Http1 }
    }

    /// What client and server have agreed on in the TLS handshake.
    pub(super) fn agreed(alpn: Option<&[u8]>) -> Self {
        if alpn == Some(b"http/1.1") { Self::Http1 } else { Self::Unclear }
    }
}

/// For connections of HTTP/1.
pub(super) fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEADERS_MAX_BYTES)
        .max_buf_size(READ_MAX_BYTES);
    builder
}

/// For all others.
pub(super) fn either() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        // This builder has no other limit for the head.
        .max_buf_size(HEADERS_MAX_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS_MAX_BYTES as u32)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_still_become_http_2_is_unclear() {
        for begins in ["P", "PR", "PRI"] {
            assert_eq!(Protocol::beginning(begins.as_bytes()), Protocol::Unclear, "{begins}");
        }
        for begins in ["G", "PU", "PUT", "POS", "pri", "\r\n"] {
            assert_eq!(Protocol::beginning(begins.as_bytes()), Protocol::Http1, "{begins}");
        }
        assert_eq!(Protocol::agreed(Some(b"http/1.1")), Protocol::Http1);
        assert_eq!(Protocol::agreed(Some(b"h2")), Protocol::Unclear);
        assert_eq!(Protocol::agreed(None), Protocol::Unclear);
    }
}
