//! Receiving the body of a request.
//!
//! A small body is read completely before its component is asked for a permit, so that a slow
//! client holds none. A larger body, or one of unknown length whose sender pauses, is passed on
//! while it arrives; each client may send a few of these at once. JSON and forms can't be processed
//! before their end, so they are read ahead despite pauses. The size and the time of all bodies are
//! limited.

use super::ahead::Ahead;
use super::clients::Buffer;
use super::connected::Connected;
use super::limits::{READ_AHEAD_MAX_BYTES, READ_AHEAD_PAUSE};
use super::pace::Pace;
use super::unread::Unread;
use crate::calls::{BodyFault, CallError, Kind};
use crate::message::{Body, BodyError};
use crate::telemetry::FrontLimit;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// Why a body is refused.
pub(super) enum ReceiveError {
    /// The body is faulty.
    Fault(CallError),
    /// A limit of the front is reached.
    Limit(FrontLimit),
}

/// A body to pass on, and its fault, which may be set later.
pub(super) type Received = (Body, Option<BodyFault>);

/// Whether a body of this type is of no use before its end.
pub(super) fn is_document(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || media_type == "application/x-www-form-urlencoded"
        || media_type.ends_with("+json")
}

/// Read a body ahead, if it is small. With `is_document`, it also waits during pauses.
pub(super) async fn receive(
    body: Unread,
    is_document: bool,
    max_bytes: u64,
    connected: &Arc<Connected>,
) -> Result<Received, ReceiveError> {
    if body.is_end() {
        return Ok((Body::default(), None));
    }
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let mut guarded = Guarded::new(body, max_bytes, connected);
    if announced.is_none_or(|length| length <= READ_AHEAD_MAX_BYTES) {
        guarded.buffer = Some(connected.permit.buffer());
        let whole = guarded.read_ahead(announced.is_some() || is_document).await;
        let counted = |refused| match refused {
            ReceiveError::Limit(limit) => ReceiveError::Limit(connected.reached(limit)),
            fault @ ReceiveError::Fault(_) => fault,
        };
        if whole.map_err(counted)? {
            return Ok(guarded.whole());
        }
    }
    let permit =
        timeout(connected.limits().body_timeout(), connected.permit.uploads().acquire_owned());
    let Ok(Ok(permit)) = permit.await else {
        return Err(ReceiveError::Limit(connected.reached(FrontLimit::UploadsPerAddress)));
    };
    guarded.permit = Some(permit);
    let fault = guarded.fault.clone();
    Ok((guarded.boxed_unsync(), Some(fault)))
}

/// A body within its limits.
struct Guarded {
    /// The data that was read ahead, and the memory reserved for it.
    ahead: Ahead,
    buffer: Option<Buffer>,
    body: Unread,
    left_bytes: u64,
    pace: Pace,
    fault: BodyFault,
    /// `None` if no more data is expected.
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

    /// Read until the end, or until the body is not small. Returns whether the end was reached.
    /// Unless it is `patient`, a pause also stops reading ahead, because the sender may wait for a
    /// response first.
    async fn read_ahead(&mut self, patient: bool) -> Result<bool, ReceiveError> {
        loop {
            let next = std::future::poll_fn(|cx| self.poll_arriving(cx));
            let next = if patient { Ok(next.await) } else { timeout(READ_AHEAD_PAUSE, next).await };
            let frame = match next {
                Err(_) => return Ok(false),
                Ok(None) => return Ok(true),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    let unknown = || CallError::new(Kind::BodyMalformed, error.to_string());
                    return Err(ReceiveError::Fault(self.fault.error().unwrap_or_else(unknown)));
                }
            };
            self.ahead.push(frame);
            self.reserve()?;
            if self.body.is_end() {
                return Ok(true);
            }
            if self.ahead.len() > READ_AHEAD_MAX_BYTES {
                return Ok(false);
            }
        }
    }

    /// Reserve memory for what was read ahead.
    fn reserve(&mut self) -> Result<(), ReceiveError> {
        let bytes = self.ahead.len();
        let is_left = self.buffer.as_mut().is_none_or(|buffer| buffer.grow(bytes));
        if is_left { Ok(()) } else { Err(ReceiveError::Limit(FrontLimit::BodyBuffers)) }
    }

    /// A body that was completely read ahead.
    fn whole(mut self) -> Received {
        let buffer = if self.ahead.has_trailers() { None } else { self.buffer.take() };
        let Some(buffer) = buffer else { return (self.boxed_unsync(), None) };
        let bytes = self.ahead.take().unwrap_or_default();
        (Whole { bytes, _buffer: buffer }.boxed_unsync(), None)
    }

    fn poll_arriving(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match self.body.poll_frame(cx, self.connected.as_deref()) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                let detail = describe(&error);
                return self.failed(Kind::BodyMalformed, detail, BodyError::from(error));
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
                // The rest of a slow body is not drained.
                self.body.forget();
                return self.failed(Kind::BodyIncomplete, detail, BodyError::ConnectionReadTimeout);
            }
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.pace.arrived(length);
        if length > self.left_bytes {
            let detail = "it is longer than the component accepts".to_owned();
            return self.failed(Kind::BodyTooLarge, detail, BodyError::HttpRequestBodySize(None));
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
        error: BodyError,
    ) -> Poll<Option<Result<T, BodyError>>> {
        self.fault.set(kind, detail);
        self.ended();
        Poll::Ready(Some(Err(error)))
    }

    /// No more data is expected.
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

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
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

/// A small body, and its reserved memory until it is read.
struct Whole {
    bytes: Bytes,
    _buffer: Buffer,
}

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn document(media_type: &'static str) -> bool {
        is_document(&HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().unwrap())]))
    }

    #[test]
    fn json_and_forms_are_of_no_use_before_their_end() {
        for media_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/cloudevents+json",
            "application/x-www-form-urlencoded",
        ] {
            assert!(document(media_type), "{media_type}");
        }
        for media_type in ["", "text/plain", "application/grpc", "application/x-ndjson", "json"] {
            assert!(!document(media_type), "{media_type}");
        }
        assert!(!is_document(&HeaderMap::new()));
    }
}
