//! A request's body on its way in.
//!
//! A small body is read whole before its component is asked for a permit, so that a client which
//! sends slowly holds none. A larger one, or one whose length is not known and whose sender
//! pauses, is passed on while it arrives; of those each client may have a few at once. For all of
//! them there is a limit of size and of time.

use super::clients::Buffer;
use super::connected::{Arriving, Connected};
use super::limits::{READ_AHEAD_MAX_BYTES, READ_AHEAD_PAUSE};
use super::pace::Pace;
use crate::calls::{BodyFault, CallError, Kind};
use crate::telemetry::FrontLimit;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, WasiBody};

/// How long a body that no component wants is read.
const UNWANTED_TIMEOUT: Duration = Duration::from_secs(10);

/// So much of a body that no component wants is read: a client that is still sending when its
/// connection is closed may never see the answer that it was sent.
const UNWANTED_MAX_BYTES: usize = 1024 * 1024;

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
    body: Incoming,
    max_bytes: u64,
    arriving: Option<Arriving>,
    connected: &Connected,
) -> Result<Received, Refused> {
    let Some(arriving) = arriving else { return Ok((WasiBody::default(), None)) };
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let mut guarded = Guarded::new(body, max_bytes, arriving);
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
    /// What was read of it already.
    ahead: VecDeque<Frame<Bytes>>,
    buffer: Option<Buffer>,
    body: Unwanted,
    left_bytes: u64,
    pace: Pace,
    fault: BodyFault,
    /// Until all of it has arrived.
    arriving: Option<Arriving>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Guarded {
    fn new(body: Incoming, max_bytes: u64, arriving: Arriving) -> Self {
        Self {
            ahead: VecDeque::new(),
            buffer: None,
            body: Unwanted(Some(body)),
            left_bytes: max_bytes,
            pace: Pace::new(arriving.connected().limits()),
            fault: BodyFault::default(),
            arriving: Some(arriving),
            permit: None,
        }
    }

    /// Read until the end, or until it is no small body: whether the end was reached. One of a
    /// known length is waited for; the sender of another may wait for an answer first.
    async fn read_ahead(&mut self, known: bool) -> Result<bool, Refused> {
        let mut bytes = 0;
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
            bytes += frame.data_ref().map_or(0, Bytes::len);
            self.ahead.push_back(frame);
            if self.has_arrived() {
                return Ok(true);
            }
            if bytes > READ_AHEAD_MAX_BYTES {
                return Ok(false);
            }
        }
    }

    /// The body, all of which was read ahead.
    fn whole(mut self) -> Received {
        let has_trailers = self.ahead.iter().any(Frame::is_trailers);
        let buffer = if has_trailers { None } else { self.buffer.take() };
        let Some(mut buffer) = buffer else { return (self.boxed_unsync(), None) };
        let length = self.ahead.iter().filter_map(Frame::data_ref).map(Bytes::len).sum();
        buffer.shrink(length);
        let mut pieces = self.ahead.drain(..).filter_map(|frame| frame.into_data().ok());
        let mut bytes = pieces.next().unwrap_or_default();
        if bytes.len() < length {
            let mut joined = BytesMut::with_capacity(length);
            joined.extend_from_slice(&bytes);
            pieces.for_each(|piece| joined.extend_from_slice(&piece));
            bytes = joined.freeze();
        }
        (Whole { bytes, _buffer: buffer }.boxed_unsync(), None)
    }

    fn poll_arriving(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body.0 else { return Poll::Ready(None) };
        let frame = match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                self.body.0 = None;
                let detail = describe(&error);
                return self.failed(Kind::BodyMalformed, detail, Error::from(error));
            }
            Poll::Ready(None) => {
                self.body.0 = None;
                self.ended();
                return Poll::Ready(None);
            }
            Poll::Pending => {
                std::task::ready!(self.pace.poll(cx));
                let arriving = self.arriving.as_ref();
                arriving.map(|it| it.connected().reached(FrontLimit::BodyTimeout));
                let detail = self.pace.describe();
                // What is so slow is not read on.
                self.body.0 = None;
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
        if self.has_arrived() {
            self.ended();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn has_arrived(&self) -> bool {
        self.body.0.as_ref().is_none_or(Incoming::is_end_stream)
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
        self.arriving = None;
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
        if let Some(frame) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        self.buffer = None;
        self.poll_arriving(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.has_arrived()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.body.0.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint);
        let ahead: usize = self.ahead.iter().filter_map(Frame::data_ref).map(Bytes::len).sum();
        let mut all = SizeHint::new();
        all.set_lower(rest.lower() + ahead as u64);
        if let Some(upper) = rest.upper() {
            all.set_upper(upper + ahead as u64);
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

/// A body that is read on when it is dropped before its end.
pub(super) struct Unwanted(Option<Incoming>);

impl Unwanted {
    /// No component will look at this body at all.
    pub(super) fn whole(body: Incoming) {
        drop(Self(Some(body)));
    }
}

impl Drop for Unwanted {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime, its connection is gone as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(UNWANTED_TIMEOUT, read_on(body)));
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
