//! A body that is drained if it is dropped before its end: a client that is still sending when its
//! connection is closed may not receive the response.

use super::connected::Connected;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a dropped body is drained.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of it is drained.
const DRAIN_MAX_BYTES: usize = 1024 * 1024;

/// A body; `None` after its end was read.
pub(super) struct Unread(Option<Incoming>);

impl Unread {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Some(body))
    }

    /// Whether its end was reached.
    pub(super) fn is_end(&self) -> bool {
        self.0.as_ref().is_none_or(Incoming::is_end_stream)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }

    /// Closes it without draining.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// The next frame. `connected` is the connection that it comes from.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        connected: Option<&Connected>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let mut frame = Pin::new(&mut *body).poll_frame(cx);
        if frame.is_pending()
            && let Some(connected) = connected.filter(|connected| !connected.multiplexed)
            && connected.activity.half_close.is_closed(cx)
        {
            // All data before the end of the input has arrived.
            frame = Pin::new(body).poll_frame(cx);
            if frame.is_pending() {
                connected.activity.half_close.cut_off();
            }
        }
        if let Poll::Ready(None | Some(Err(_))) = &frame {
            self.forget();
        }
        frame
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime, its connection is closed as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(DRAIN_TIMEOUT, drain(body)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > DRAIN_MAX_BYTES {
            return;
        }
    }
}
