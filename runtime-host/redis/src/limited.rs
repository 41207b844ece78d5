//! A socket that reads no reply that is larger than allowed.

use crate::frames::Frames;
use crate::socket::Socket;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The socket. A reply that is too large is an error of the socket, which ends the connection.
pub(crate) struct Limited {
    socket: Socket,
    frames: Frames,
    exceeded: Arc<AtomicBool>,
}

impl Limited {
    pub(crate) fn new(socket: Socket, max_bytes: usize) -> Self {
        Self { socket, frames: Frames::new(max_bytes), exceeded: Arc::default() }
    }

    /// Set when the connection has ended because of a large reply.
    pub(crate) fn exceeded(&self) -> Arc<AtomicBool> {
        self.exceeded.clone()
    }
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if self.frames.advance(&buf.filled()[before..]).is_err() {
            self.exceeded.store(true, Ordering::Release);
            buf.set_filled(before);
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "a reply is too large");
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Limited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
