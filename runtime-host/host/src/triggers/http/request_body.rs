//! A request's body on its way in: cut off at the component's limit, given up when it stops, and
//! read to its end where nobody wants it.

use crate::calls::{CallError, Kind};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use wasmtime_wasi_http::{Error, WasiBody};

/// How long a client may pause in the middle of a body.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// So much of a body that nobody wants is read: a client that is still sending when its connection
/// is closed may never see the answer that it was sent.
const UNWANTED_MAX_BYTES: usize = 1024 * 1024;

/// What was wrong with a body, once something was.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Arc<OnceLock<Kind>>);

impl Fault {
    /// The error of the whole call: whatever the guest made of the broken body, this is why
    /// it was broken.
    pub(super) fn error(&self) -> Option<CallError> {
        let kind = *self.0.get()?;
        let detail = match kind {
            Kind::BodyIncomplete => format!("no more of it came for {} s", PAUSE_MAX.as_secs()),
            _ => "it was cut off".to_owned(),
        };
        Some(CallError::new(kind, detail))
    }

    fn set(&self, kind: Kind) {
        // The first fault is the one that counts.
        let _ = self.0.set(kind);
    }
}

struct Guarded {
    body: Unwanted,
    left_bytes: u64,
    pause: Pause,
    fault: Fault,
}

/// The body, failing after `max_bytes` or a long pause; and a way to see that it did. A request
/// without a body has nothing that could be wrong with it.
pub(super) fn guard(body: Incoming, max_bytes: u64) -> (WasiBody, Option<Fault>) {
    if body.is_end_stream() {
        return (WasiBody::default(), None);
    }
    let fault = Fault::default();
    let pause = Pause::default();
    let body = Unwanted(Some(body));
    let guarded = Guarded { body, left_bytes: max_bytes, pause, fault: fault.clone() };
    (guarded.boxed_unsync(), Some(fault))
}

/// A body that is read on when it is dropped before its end.
pub(super) struct Unwanted(Option<Incoming>);

impl Unwanted {
    /// Nobody will look at this body at all.
    pub(super) fn whole(body: Incoming) {
        drop(Self(Some(body)));
    }
}

impl Drop for Unwanted {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime, its connection is gone as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(PAUSE_MAX, read_on(body)));
        }
    }
}

async fn read_on(mut body: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > UNWANTED_MAX_BYTES {
            return;
        }
    }
}

/// How long nothing has come.
///
/// Most bodies are there already or come in one piece, so there is a timer only once there is
/// something to wait for, and data that arrives does not touch it.
#[derive(Default)]
struct Pause {
    timer: Option<Pin<Box<Sleep>>>,
    /// Since when it waits, if it does.
    since: Option<Instant>,
}

impl Pause {
    fn ended(&mut self) {
        self.since = None;
    }

    /// Ready when the pause has become too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + PAUSE_MAX;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            // It was set for an earlier pause.
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body.0 else { return Poll::Ready(None) };
        let frame = match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pause.ended();
                frame
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Error::from(error)))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                std::task::ready!(self.pause.poll(cx));
                self.fault.set(Kind::BodyIncomplete);
                return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
            }
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        if length > self.left_bytes {
            self.fault.set(Kind::BodyTooLarge);
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(None))));
        }
        self.left_bytes -= length;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.0.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.0.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}
