//! Responses that are compared with others: what is compared is known at the end of the body.

use super::{Body, BodyError, Response};
use crate::calls::{COMPARED_MAX_BYTES, Side};
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
        side.report(Some(answer(0)));
        return response;
    }
    response.map(|inner| {
        let report = Box::new(move |body: Option<u64>| side.report(body.map(answer)));
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

/// A body whose digest is reported at its end.
struct Observed {
    inner: Body,
    digest: Xxh3,
    bytes: usize,
    report: Option<Box<dyn FnOnce(Option<u64>) + Send>>,
}

impl Observed {
    fn saw(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref().filter(|_| self.report.is_some()) else { return };
        self.bytes += data.len();
        match self.bytes > COMPARED_MAX_BYTES {
            true => self.end(None),
            false => self.digest.update(data),
        }
    }

    fn end(&mut self, digest: Option<u64>) {
        if let Some(report) = self.report.take() {
            report(digest);
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
            Some(Err(_)) => self.end(None),
            None => {}
        }
        // Who sends a body of a known length does not ask for more than that.
        if polled.is_none() || self.inner.is_end_stream() {
            let digest = self.digest.digest();
            self.end(Some(digest));
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
