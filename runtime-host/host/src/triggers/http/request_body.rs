//! A request's body on its way in.
//!
//! A small body is read whole before its component is asked for a permit, so that a client which
//! sends slowly holds none. A larger one, or one whose length is not known and whose sender
//! pauses, is passed on while it arrives; of those each client may have a few at once. For all of
//! them there is a limit of size and of time.

use super::ahead::Ahead;
use super::clients::Buffer;
use super::connected::Connected;
use super::limits::{READ_AHEAD_MAX_BYTES, READ_AHEAD_PAUSE};
use super::pace::Pace;
use super::unread::Unread;
use crate::calls::{BodyFault, CallError, Kind};
use crate::telemetry::FrontLimit;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, WasiBody};

/// Why a body is not passed on.
pub(super) enum Refused {
    /// It is at fault.
    Fault(CallError),
    /// A limit of the front is reached.
    Limit(FrontLimit),
}

/// A body to pass on, and what may turn out to be wrong with it.
pub(super) type Received = (WasiBody, Option<BodyFault>);

/// Read a body ahead, as far as it is small and there.
pub(super) async fn receive(
    body: Unread,
    max_bytes: u64,
    connected: &Arc<Connected>,
) -> Result<Received, Refused> {
    if body.is_end() {
        return Ok((WasiBody::default(), None));
    }
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let mut guarded = Guarded::new(body, max_bytes, connected);
    if announced.is_none_or(|length| length <= READ_AHEAD_MAX_BYTES) {
        let buffer = connected.permit.buffer(announced.unwrap_or(READ_AHEAD_MAX_BYTES));
        let limit = || Refused::Limit(connected.reached(FrontLimit::BodyBuffers));
        guarded.buffer = Some(buffer.ok_or_else(limit)?);
        if guarded.read_ahead(announced.is_some()).await? {
            return Ok(guarded.whole());
        }
    }
    let permit =
        timeout(connected.limits().body_timeout(), connected.permit.uploads().acquire_owned());
    let Ok(Ok(permit)) = permit.await else {
        return Err(Refused::Limit(connected.reached(FrontLimit::UploadsPerAddress)));
    };
    guarded.permit = Some(permit);
    let fault = guarded.fault.clone();
    Ok((guarded.boxed_unsync(), Some(fault)))
}

/// A body within its limits.
struct Guarded {
    /// What was read of it already, and its share of the memory for that.
    ahead: Ahead,
    buffer: Option<Buffer>,
    body: Unread,
    left_bytes: u64,
    pace: Pace,
    fault: BodyFault,
    /// None once nothing more of it is waited for.
    connected: Option<Arc<Connected>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Guarded {
    fn new(body: Unread, max_bytes: u64, connected: &Arc<Connected>) -> Self {
        Self {
            ahead: Ahead::default(),
            buffer: None,
            body,
            left_bytes: max_bytes,
            pace: Pace::new(connected.limits()),
            fault: BodyFault::default(),
            connected: Some(connected.clone()),
            permit: None,
        }
    }

    /// Read until the end, or until it is no small body: whether the end was reached. One of a
    /// known length is waited for; the sender of another may wait for an answer first.
    async fn read_ahead(&mut self, known: bool) -> Result<bool, Refused> {
        loop {
            let next = std::future::poll_fn(|cx| self.poll_arriving(cx));
            let next = if known { Ok(next.await) } else { timeout(READ_AHEAD_PAUSE, next).await };
            let frame = match next {
                Err(_) => return Ok(false),
                Ok(None) => return Ok(true),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    let unknown = || CallError::new(Kind::BodyMalformed, error.to_string());
                    return Err(Refused::Fault(self.fault.error().unwrap_or_else(unknown)));
                }
            };
            self.ahead.push(frame);
            if self.body.is_end() {
                return Ok(true);
            }
            if self.ahead.len() > READ_AHEAD_MAX_BYTES {
                return Ok(false);
            }
        }
    }

    /// The body, all of which was read ahead.
    fn whole(mut self) -> Received {
        let buffer = if self.ahead.has_trailers() { None } else { self.buffer.take() };
        let Some(mut buffer) = buffer else { return (self.boxed_unsync(), None) };
        let bytes = self.ahead.take().unwrap_or_default();
        buffer.shrink(bytes.len());
        (Whole { bytes, _buffer: buffer }.boxed_unsync(), None)
    }

    fn poll_arriving(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match self.body.poll_frame(cx, self.connected.as_deref()) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                let detail = describe(&error);
                return self.failed(Kind::BodyMalformed, detail, Error::from(error));
            }
            Poll::Ready(None) => {
                self.ended();
                return Poll::Ready(None);
            }
            Poll::Pending => {
                let limit = std::task::ready!(self.pace.poll(cx));
                if let Some(connected) = &self.connected {
                    connected.reached(limit);
                }
                let detail = self.pace.describe();
                // What is so slow is not read on.
                self.body.forget();
                return self.failed(Kind::BodyIncomplete, detail, Error::ConnectionReadTimeout);
            }
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.pace.arrived(length);
        if length > self.left_bytes {
            let detail = "it is longer than the component accepts".to_owned();
            return self.failed(Kind::BodyTooLarge, detail, Error::HttpRequestBodySize(None));
        }
        self.left_bytes -= length;
        if self.body.is_end() {
            self.ended();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn failed<T>(
        &mut self,
        kind: Kind,
        detail: String,
        error: Error,
    ) -> Poll<Option<Result<T, Error>>> {
        self.fault.set(kind, detail);
        self.ended();
        Poll::Ready(Some(Err(error)))
    }

    /// Nothing more of it is waited for.
    fn ended(&mut self) {
        self.connected = None;
        self.permit = None;
    }
}

/// An error with all its causes.
fn describe(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(bytes) = self.ahead.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        self.buffer = None;
        if let Some(trailers) = self.ahead.take_trailers() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        self.poll_arriving(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.body.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.body.size_hint();
        let ahead = self.ahead.len() as u64;
        let mut all = SizeHint::new();
        all.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper() {
            all.set_upper(upper + ahead);
        }
        all
    }
}

/// A small body, and the memory that it is counted with until it is read.
struct Whole {
    bytes: Bytes,
    _buffer: Buffer,
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
