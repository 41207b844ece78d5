//! Responses that are compared with others: what is compared is known at the end of the body.

use super::{Body, BodyError, Response};
use crate::calls::{COMPARED_MAX_BYTES, Kind, Seen, Side};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tessera_rollout::shadow::Answer;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Reports a response to `side`, at the latest when its body has ended. It is not delayed.
pub(super) fn observe(response: Response, side: Side) -> Response {
    let value = |name: &String| {
        let mut values = response.headers().get_all(name).iter().peekable();
        values.peek()?;
        let all: Vec<_> = values.map(http::HeaderValue::as_bytes).collect();
        Some(xxh3_64(&all.join(&b'\n')))
    };
    let fields = side.fields().iter().map(value).collect();
    let (status, with_body) = (response.status().as_u16(), side.with_body);
    let answer = move |body| Answer::Response { status, fields, body };
    if !with_body || response.body().is_end_stream() {
        side.report(Seen::Whole(answer(0)));
        return response;
    }
    response.map(|inner| {
        let report = Box::new(move |end: End| {
            side.report(match end {
                End::Whole(digest) => Seen::Whole(answer(digest)),
                End::TooLarge(digest) => Seen::TooLarge(answer(digest)),
                End::Broken => Seen::failed(Kind::NoAnswer),
            });
        });
        let body = Observed { inner, digest: Xxh3::new(), bytes: 0, report: Some(report) };
        body.boxed_unsync()
    })
}

/// Reads a body to its end, or as far as it is compared.
pub(super) async fn discard(response: Response) {
    let (mut body, mut bytes) = (response.into_body(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > COMPARED_MAX_BYTES {
            return;
        }
    }
}

/// How the reading of a body ended, with the digest of what was read.
enum End {
    Whole(u64),
    /// It is larger than what is compared.
    TooLarge(u64),
    /// The component has failed in the middle of it.
    Broken,
}

/// A body whose digest is reported at its end.
struct Observed {
    inner: Body,
    digest: Xxh3,
    bytes: usize,
    report: Option<Box<dyn FnOnce(End) + Send>>,
}

impl Observed {
    fn saw(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref().filter(|_| self.report.is_some()) else { return };
        self.bytes += data.len();
        // Also beyond the limit, so that the digest differs from that of a body within it.
        self.digest.update(data);
        if self.bytes > COMPARED_MAX_BYTES {
            let digest = self.digest.digest();
            self.end(End::TooLarge(digest));
        }
    }

    fn end(&mut self, end: End) {
        if let Some(report) = self.report.take() {
            report(end);
        }
    }
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => self.saw(frame),
            Some(Err(_)) => self.end(End::Broken),
            None => {}
        }
        // Who sends a body of a known length does not ask for more than that.
        if polled.is_none() || self.inner.is_end_stream() {
            let digest = self.digest.digest();
            self.end(End::Whole(digest));
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
