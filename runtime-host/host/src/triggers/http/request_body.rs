//! A request's body on its way in: cut off at the component's limit, given up when it stops.

use crate::calls::{CallError, Kind};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// How long a client may pause in the middle of a body.
const PAUSE_MAX: Duration = Duration::from_secs(10);

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
    body: Incoming,
    left_bytes: u64,
    pause: Pin<Box<Sleep>>,
    fault: Fault,
}

/// The body, failing after `max_bytes` or a long pause; and a way to see that it did.
pub(super) fn guard(body: Incoming, max_bytes: u64) -> (WasiBody, Fault) {
    let fault = Fault::default();
    if body.is_end_stream() {
        return (crate::engine::full_body(Bytes::new()), fault);
    }
    let pause = Box::pin(sleep(PAUSE_MAX));
    let guarded = Guarded { body, left_bytes: max_bytes, pause, fault: fault.clone() };
    (guarded.boxed_unsync(), fault)
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Error::from(error)))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                std::task::ready!(self.pause.as_mut().poll(cx));
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
        self.pause.as_mut().reset(Instant::now() + PAUSE_MAX);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
