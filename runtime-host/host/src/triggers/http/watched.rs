//! A socket whose blocked writes are noted, and whose end is not told while it may be half of one.
//!
//! A client that has closed its sending side may still read, as `nc -N` does, or may be gone: both
//! look the same. So the end of the input is kept back for a while, as long as a request that has
//! arrived in full waits for its answer.

use super::connected::Connected;
use crate::telemetry::FrontLimit;
use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection's stream of bytes.
pub(super) struct Watched<S> {
    stream: S,
    /// What was read of it already.
    begins: Bytes,
    connected: Arc<Connected>,
    half_closed: Option<HalfClosed>,
}

/// The client will send no more.
struct HalfClosed {
    timeout: Pin<Box<Sleep>>,
    /// How many requests there had been when all of them were answered and written.
    answered: Option<u64>,
    reader: Option<Waker>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, begins: Bytes, connected: Arc<Connected>) -> Self {
        Self { stream, begins, connected, half_closed: None }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(half_closed) = &mut self.half_closed else { return Poll::Ready(Ok(())) };
        let activity = &self.connected.activity;
        if activity.is_idle() && half_closed.answered == Some(activity.begun()) {
            return Poll::Ready(Ok(()));
        }
        if half_closed.timeout.is_elapsed() {
            return Poll::Ready(Ok(()));
        }
        if half_closed.timeout.as_mut().poll(cx).is_ready() {
            self.connected.reached(FrontLimit::HalfCloseTimeout);
            return Poll::Ready(Ok(()));
        }
        half_closed.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wrote<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.connected.activity.wrote(written.is_pending());
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begins.has_remaining() {
            let length = self.begins.len().min(buf.remaining());
            buf.put_slice(&self.begins.split_to(length));
            return Poll::Ready(Ok(()));
        }
        if self.half_closed.is_some() {
            return self.poll_end(cx);
        }
        let (before, room) = (buf.filled().len(), buf.remaining());
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let ended = room > 0 && buf.filled().len() == before;
        // On HTTP/2 there may be requests that were read and are not counted yet.
        if ended && (self.connected.multiplexed || self.connected.activity.owes_an_answer()) {
            let timeout = Box::pin(sleep(self.connected.limits().half_close_timeout()));
            self.half_closed = Some(HalfClosed { timeout, answered: None, reader: None });
            return self.poll_end(cx);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        let this = &mut *self;
        let activity = &this.connected.activity;
        if let Some(half_closed) = &mut this.half_closed
            && flushed.is_ready()
            && activity.is_idle()
        {
            half_closed.answered = Some(activity.begun());
            if let Some(reader) = half_closed.reader.take() {
                reader.wake();
            }
        }
        self.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.wrote(closed)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
