//! A socket that records blocked writes, and hides the end of its input while it may be only a
//! half-close.
//!
//! A client that has closed its sending side may still read, as `nc -N` does, or may have
//! disconnected: both look the same until data is sent. So the end of the input is hidden while a
//! request waits for its response, for a limited time, which starts again whenever the client
//! accepts data.

use super::connected::Connected;
use crate::telemetry::FrontLimit;
use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection's stream of bytes.
pub(super) struct Watched<S> {
    stream: S,
    /// The data that was already read.
    begins: Bytes,
    connected: Arc<Connected>,
    half_closed: Option<HalfClosed>,
}

/// The state after the client has closed its sending side.
struct HalfClosed {
    timeout: Pin<Box<Sleep>>,
    /// The bytes that the client had accepted when the timeout was set.
    sent: u64,
    /// The number of requests at the time when all of them were answered completely.
    answered: Option<u64>,
    /// The timeout has passed.
    over: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, begins: Bytes, connected: Arc<Connected>) -> Self {
        Self { stream, begins, connected, half_closed: None }
    }

    /// Handles the end of the input.
    fn half_close(&mut self) {
        let timeout = Box::pin(sleep(self.connected.limits().half_close_timeout()));
        let sent = self.connected.activity.sent();
        self.half_closed = Some(HalfClosed { timeout, sent, answered: None, over: false });
        self.connected.activity.half_close.close();
    }

    /// Ready when the end of the input may be reported.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(half_closed) = &mut self.half_closed else { return Poll::Ready(Ok(())) };
        let activity = &self.connected.activity;
        let cut_off = activity.half_close.is_cut_off(cx);
        let answered = activity.is_idle() && half_closed.answered == Some(activity.begun());
        if cut_off || answered || half_closed.over {
            return Poll::Ready(Ok(()));
        }
        while half_closed.timeout.as_mut().poll(cx).is_ready() {
            let sent = activity.sent();
            if sent == half_closed.sent {
                half_closed.over = true;
                self.connected.reached(FrontLimit::HalfCloseTimeout);
                return Poll::Ready(Ok(()));
            }
            half_closed.sent = sent;
            let timeout = self.connected.limits().half_close_timeout();
            half_closed.timeout.as_mut().reset(Instant::now() + timeout);
        }
        Poll::Pending
    }

    /// Record how much the socket has accepted, and whether it is blocked.
    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.connected.activity.add_sent(*bytes);
        }
        self.noted(written)
    }

    fn noted<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.connected.activity.set_blocked(written.is_pending());
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
        // On HTTP/2, there may be requests that were read but are not counted yet.
        if ended && (self.connected.multiplexed || !self.connected.activity.is_idle()) {
            self.half_close();
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
        self.written(written)
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
            activity.half_close.wake();
        }
        self.noted(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.noted(closed)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::super::connected::InFlight;
    use super::*;
    use futures::poll;
    use std::pin::pin;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Duration;

    const TIMEOUT: &str = "--half-close-timeout-ms=1000";

    /// Both ends of an HTTP/1.1 connection, and its shared state.
    fn connection() -> (Watched<DuplexStream>, DuplexStream, Arc<Connected>) {
        let (host, client) = duplex(64);
        let connected = Connected::of_test(false, &[TIMEOUT]);
        (Watched::new(host, Bytes::new(), connected.clone()), client, connected)
    }

    #[tokio::test]
    async fn without_a_request_the_end_is_reported_immediately() {
        let (mut host, client, _connected) = connection();
        drop(client);
        assert_eq!(host.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_end_is_reported_when_the_response_is_written() {
        let (mut host, mut client, connected) = connection();
        let request = InFlight::begin(&connected).unwrap();
        client.shutdown().await.unwrap();
        let mut buffer = [0; 8];
        assert!(poll!(pin!(host.read(&mut buffer))).is_pending());
        drop(request);
        host.flush().await.unwrap();
        assert_eq!(host.read(&mut buffer).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the test awaits it")]
    async fn the_timeout_starts_again_when_the_client_accepts_data() {
        let (host, mut client, connected) = connection();
        let _request = InFlight::begin(&connected).unwrap();
        client.shutdown().await.unwrap();
        let begun = Instant::now();
        let (mut input, mut output) = tokio::io::split(host);
        let ended = tokio::spawn(async move {
            assert_eq!(input.read(&mut [0; 8]).await.unwrap(), 0);
            begun.elapsed()
        });
        for _ in 0..3 {
            sleep(Duration::from_millis(600)).await;
            output.write_all(b"x").await.unwrap();
        }
        // The timeout started again after one second and after two.
        assert_eq!(ended.await.unwrap().as_secs(), 3);
    }

    #[tokio::test]
    async fn the_end_is_reported_when_a_body_is_incomplete() {
        let (mut host, mut client, connected) = connection();
        let _request = InFlight::begin(&connected).unwrap();
        let half_close = &connected.activity.half_close;
        let is_closed = || std::future::poll_fn(move |cx| Poll::Ready(half_close.is_closed(cx)));
        assert!(!is_closed().await);
        client.shutdown().await.unwrap();
        let mut buffer = [0; 8];
        let mut read = pin!(host.read(&mut buffer));
        assert!(poll!(read.as_mut()).is_pending());
        assert!(is_closed().await);
        half_close.cut_off();
        assert_eq!(read.await.unwrap(), 0);
    }
}
