//! Responses to clients: framed according to method and status, and counted until the client has
//! received them completely.

use super::access_log::AccessLine;
use super::connected::{Connected, InFlight, Owed, Streaming};
use super::{problem, request_id};
use crate::message::{Body, BodyError, Response, is_bodiless, without_body};
use crate::telemetry::{FrontLimit, TraceContext};
use bytes::{Buf, Bytes};
use http::Method;
use http::header::CONTENT_LENGTH;
use http_body::{Body as _, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The body of a response.
pub(super) struct AnswerBody {
    /// `None` if the response has no body.
    body: Option<Body>,
    /// Whether a head without a body announces a length: hyper keeps the length only if it can't
    /// see that there is no body.
    announced: bool,
    request: Option<InFlight>,
    _stream: Option<Streaming>,
    access: Option<Box<AccessLine>>,
}

/// A chunk of a body, counted until it is written.
pub(super) struct Piece {
    bytes: Bytes,
    _owed: Option<Owed>,
    /// With the last chunk, the request itself.
    _request: Option<InFlight>,
}

/// The response to a request with this method.
pub(super) fn to(
    method: &Method,
    request: InFlight,
    answer: Response,
    own: &TraceContext,
    access: Option<Box<AccessLine>>,
) -> http::Response<AnswerBody> {
    let connected = request.connected().clone();
    let mut answer = answer;
    let mut stream = None;
    if !is_whole(answer.body()) && !is_bodiless(method, answer.status()) {
        stream = Streaming::begin(&connected);
        if stream.is_none() {
            // Dropping the stream stops the component that produces it.
            answer = problem::of_limit(FrontLimit::StreamsPerAddress, connected.limits());
        }
    }
    if !connected.service.as_stock {
        request_id::set_in_response(&mut answer, own);
    }
    framed(method, &connected, answer, (Some(request), stream, access))
}

/// The response to a request that exceeds the limit of its client.
pub(super) fn refusal(
    method: &Method,
    connected: &Connected,
    own: &TraceContext,
    access: Option<Box<AccessLine>>,
) -> http::Response<AnswerBody> {
    let mut answer = problem::of_limit(FrontLimit::RequestsPerAddress, connected.limits());
    if !connected.service.as_stock {
        request_id::set_in_response(&mut answer, own);
    }
    framed(method, connected, answer, (None, None, access))
}

fn framed(
    method: &Method,
    connected: &Connected,
    answer: Response,
    (request, stream, access): (Option<InFlight>, Option<Streaming>, Option<Box<AccessLine>>),
) -> http::Response<AnswerBody> {
    let (mut parts, body) = answer.into_parts();
    let bodiless = is_bodiless(method, parts.status);
    if bodiless {
        let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        without_body(parts.status, &mut parts.headers, length.unwrap_or(0));
    }
    let multiplexed = connected.multiplexed;
    let length_is_lost = !multiplexed && method != Method::HEAD;
    let announced = bodiless && length_is_lost && parts.headers.contains_key(CONTENT_LENGTH);
    let mut access = access;
    if let Some(line) = &mut access {
        line.respond(parts.status, !bodiless && !body.is_end_stream());
    }
    let body = (!bodiless).then_some(body);
    let body = AnswerBody { body, announced, request, _stream: stream, access };
    http::Response::from_parts(parts, body)
}

/// Whether a body is complete.
fn is_whole(body: &Body) -> bool {
    body.is_end_stream() || body.size_hint().exact().is_some()
}

impl http_body::Body for AnswerBody {
    type Data = Piece;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BodyError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => {
                self.access.iter_mut().for_each(|line| line.complete());
                return Poll::Ready(None);
            }
        };
        let ends = body.is_end_stream();
        let this = &mut *self;
        if let Some(line) = &mut this.access {
            line.add(frame.data_ref().map_or(0, Bytes::len));
            if ends {
                line.complete();
            }
        }
        Poll::Ready(Some(Ok(frame.map_data(|bytes| {
            // HTTP/1 has only one response, in the socket's buffer, which is watched separately.
            let watched = this.request.as_ref().map(InFlight::connected);
            let owed = watched.filter(|connected| connected.multiplexed).map(Owed::to);
            let request = if ends && owed.is_some() { this.request.take() } else { None };
            Piece { bytes, _owed: owed, _request: request }
        }))))
    }

    fn is_end_stream(&self) -> bool {
        !self.announced && self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None if self.announced => SizeHint::default(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        self.bytes.copy_to_bytes(length)
    }
}
