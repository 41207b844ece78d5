//! A body that has to continue: a pause that is too long ends it.

use crate::message::{Body, BodyError};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// A body whose pauses are limited.
pub(super) struct BetweenBytes {
    /// `None` after a pause that was too long: the connection is closed.
    body: Option<Body>,
    pause_max: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl BetweenBytes {
    pub(super) fn new(body: Body, pause_max: Duration) -> Self {
        Self { body: Some(body), pause_max, pause: None }
    }
}

impl http_body::Body for BetweenBytes {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            this.pause = None;
            return Poll::Ready(frame);
        }
        let pause_max = this.pause_max;
        let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause_max)));
        ready!(pause.as_mut().poll(cx));
        this.body = None;
        Poll::Ready(Some(Err(BodyError::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};

    fn data(text: &'static str) -> Result<Frame<Bytes>, BodyError> {
        Ok(Frame::data(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_long_pause_ends_the_body() {
        let frames = futures::stream::iter(["a", "b", "c"]).then(|text| async move {
            tokio::time::sleep(Duration::from_secs(9)).await;
            data(text)
        });
        let silent = futures::stream::pending();
        let body = StreamBody::new(frames.chain(silent)).boxed_unsync();
        let mut body = BetweenBytes::new(body, Duration::from_secs(10));
        for text in ["a", "b", "c"] {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), text);
        }
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(matches!(error, BodyError::ConnectionReadTimeout), "{error:?}");
        assert!(body.frame().await.is_none());
    }
}
