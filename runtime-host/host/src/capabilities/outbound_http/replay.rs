//! Requests that may have to be sent again.
//!
//! The body of a request is a stream that its component produces. What an attempt reads of it is
//! kept up to a limit, so that another attempt can begin with the same bytes and read on. The first
//! attempt waits for nothing.

use crate::calls::Repeat;
use crate::message::{Body, BodyError, Request, is_idempotent};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Method};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What is kept of a body. A request with a longer one is not sent again.
const KEPT_BODY_MAX_BYTES: usize = 64 << 10;
/// In a request between components that is not the first attempt: which one it is.
const ATTEMPT: HeaderName = HeaderName::from_static("tessera-attempt");

/// A request that may be sent several times.
pub(super) struct Replay {
    parts: Parts,
    source: Arc<Mutex<Source>>,
}

/// The body of a component's request.
struct Source {
    body: Body,
    /// As the whole body had it.
    size: SizeHint,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    state: State,
    /// The attempt that may read it.
    attempt: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All that was read is kept.
    Kept,
    /// The same, and that is all of it.
    Ended,
    /// It can't be read from the start: it is too long, it failed, or it has trailers.
    Lost,
}

/// The body of one attempt.
struct Attempt {
    source: Arc<Mutex<Source>>,
    number: u32,
    /// The kept pieces that were read.
    read: usize,
}

impl Replay {
    pub(super) fn new(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let source = Source {
            size: body.size_hint(),
            state: if body.is_end_stream() { State::Ended } else { State::Kept },
            body,
            kept: Vec::new(),
            kept_bytes: 0,
            attempt: 0,
        };
        Self { parts, source: Arc::new(Mutex::new(source)) }
    }

    /// Whether the request may be sent again.
    pub(super) fn may_repeat(&self, repeat: Repeat) -> bool {
        let harmless = repeat == Repeat::Always || is_idempotent(&self.parts.method);
        harmless && self.source.lock().state != State::Lost
    }

    /// Whether the request may be sent twice at the same time: it reads, and has no body.
    pub(super) fn is_read(&self) -> bool {
        let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.parts.method);
        let source = self.source.lock();
        reads && source.state == State::Ended && source.kept.is_empty()
    }

    /// The request of the next attempt. Earlier ones can't read its body any more.
    pub(super) fn request(&self) -> Request {
        let source = self.source.clone();
        let number = {
            let mut source = source.lock();
            source.attempt += 1;
            source.attempt
        };
        let body = Attempt { source, number, read: 0 };
        Request::from_parts(self.parts.clone(), body.boxed_unsync())
    }
}

/// Removes what a component sent to look like the host's mark, or forwarded.
pub(super) fn remove_attempt(request: &mut Request) {
    request.headers_mut().remove(ATTEMPT);
}

/// Marks a request between components that is not the first attempt.
pub(super) fn mark_attempt(request: &mut Request, number: u32) {
    if number > 1 {
        request.headers_mut().insert(ATTEMPT, number.into());
    }
}

impl Source {
    fn keep(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref().filter(|_| self.state == State::Kept) else {
            self.lose();
            return;
        };
        self.kept_bytes += data.len();
        if self.kept_bytes > KEPT_BODY_MAX_BYTES {
            self.lose();
        } else {
            self.kept.push(data.clone());
        }
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.kept = Vec::new();
    }
}

impl http_body::Body for Attempt {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut source = this.source.lock();
        if source.state == State::Ended && source.kept.is_empty() {
            return Poll::Ready(None);
        }
        if source.attempt != this.number {
            return Poll::Ready(Some(Err(BodyError::ConnectionTerminated)));
        }
        if let Some(piece) = source.kept.get(this.read) {
            this.read += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if source.state == State::Ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut source.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                source.keep(frame);
                this.read = source.kept.len();
            }
            Poll::Ready(Some(Err(_))) => source.lose(),
            Poll::Ready(None) if source.state == State::Kept => source.state = State::Ended,
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let source = self.source.lock();
        source.state == State::Ended && self.read >= source.kept.len()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.lock().size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::full_body;
    use futures::stream;
    use http_body_util::StreamBody;

    fn replay(method: Method, body: Body) -> Replay {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        Replay::new(request)
    }

    /// A body of pieces whose length is not known.
    fn pieces(pieces: &[&'static str]) -> Body {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data((*piece).into()))).collect();
        StreamBody::new(stream::iter(frames)).boxed_unsync()
    }

    async fn read(request: Request) -> Bytes {
        request.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn each_attempt_has_the_same_body() {
        let replay = replay(Method::PUT, pieces(&["a", "bc", "d"]));
        for _ in 0..3 {
            assert_eq!(read(replay.request()).await, "abcd");
            assert!(replay.may_repeat(Repeat::IfIdempotent));
        }
    }

    #[tokio::test]
    async fn an_attempt_that_ended_in_the_middle_loses_nothing() {
        let replay = replay(Method::PUT, pieces(&["a", "bc", "d"]));
        let mut first = replay.request().into_body();
        first.frame().await.unwrap().unwrap();
        assert_eq!(read(replay.request()).await, "abcd");
        assert!(first.frame().await.unwrap().is_err(), "only the last attempt reads");
    }

    #[tokio::test]
    async fn a_long_body_arrives_and_is_not_sent_again() {
        let replay = replay(Method::PUT, full_body(vec![7; KEPT_BODY_MAX_BYTES + 1]));
        assert_eq!(read(replay.request()).await.len(), KEPT_BODY_MAX_BYTES + 1);
        assert!(!replay.may_repeat(Repeat::Always));
    }

    #[test]
    fn requests_that_are_not_idempotent_are_repeated_only_if_they_took_no_effect() {
        let post = replay(Method::POST, full_body("a"));
        assert!(post.may_repeat(Repeat::Always) && !post.may_repeat(Repeat::IfIdempotent));
    }

    #[test]
    fn a_request_without_a_body_has_none_in_any_attempt() {
        let replay = replay(Method::GET, full_body(""));
        for _ in 0..2 {
            let request = replay.request();
            assert!(request.body().is_end_stream());
            assert_eq!(request.body().size_hint().exact(), Some(0));
        }
    }

    #[tokio::test]
    async fn only_reads_without_a_body_are_sent_twice_at_the_same_time() {
        assert!(replay(Method::GET, full_body("")).is_read());
        assert!(!replay(Method::GET, full_body("a")).is_read());
        assert!(!replay(Method::PUT, full_body("")).is_read());
        assert!(!replay(Method::GET, pieces(&["a"])).is_read());
        let replay = replay(Method::GET, full_body(""));
        let (first, second) = (replay.request(), replay.request());
        assert!(read(second).await.is_empty() && read(first).await.is_empty());
    }

    #[test]
    fn only_repeated_attempts_are_marked() {
        let mut first = Request::new(full_body(""));
        mark_attempt(&mut first, 1);
        assert!(first.headers().is_empty());
        mark_attempt(&mut first, 2);
        assert_eq!(first.headers()[ATTEMPT], "2");
        remove_attempt(&mut first);
        assert!(first.headers().is_empty());
    }
}
