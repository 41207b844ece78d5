//! Reads whose body has not ended yet, because a component ends it after it has sent the head.
//!
//! Whether such a request has a body is known a moment later. Policies that treat reads without a
//! body in another way wait for that, and so do requests to a component whose reads are copied.

use crate::message::{Body, BodyError, Request, full_body};
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_LENGTH;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A component that has not ended the body by then is expected to send one.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// A body of which the first piece was read.
struct Begun {
    first: Option<Result<Frame<Bytes>, BodyError>>,
    rest: Body,
}

/// Waits until it is known whether a read has a body.
pub(super) async fn settled(request: Request) -> Request {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let length = request.headers().get(CONTENT_LENGTH);
    if !reads || request.body().is_end_stream() || length.is_some_and(|length| length != "0") {
        return request;
    }
    let (parts, mut rest) = request.into_parts();
    let body = match tokio::time::timeout(WAIT_MAX, rest.frame()).await {
        Ok(None) => full_body(Bytes::new()),
        Ok(Some(first)) => Begun { first: Some(first), rest }.boxed_unsync(),
        Err(_) => rest,
    };
    Request::from_parts(parts, body)
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt as _, stream};
    use http_body_util::StreamBody;

    /// A read whose body has these pieces, and does not end if `is_open`.
    fn request(pieces: &[&'static str], is_open: bool) -> Request {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data((*piece).into()))).collect();
        let rest = stream::pending().take(usize::from(is_open));
        Request::new(StreamBody::new(stream::iter(frames).chain(rest)).boxed_unsync())
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_ends_its_body_has_none() {
        assert!(!request(&[], false).body().is_end_stream());
        assert!(settled(request(&[], false)).await.body().is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_of_a_body_is_lost() {
        let settled = settled(request(&["a", "b"], false)).await;
        assert!(!settled.body().is_end_stream());
        assert_eq!(settled.into_body().collect().await.unwrap().to_bytes(), "ab");
    }

    #[tokio::test(start_paused = true)]
    async fn a_component_that_does_not_end_its_body_is_not_waited_for() {
        let settled = settled(request(&[], true)).await;
        assert!(!settled.body().is_end_stream());
    }
}
