//! A request body that breaks off when it is longer than its route allows.
//!
//! Bodies stream through the gateway, so a body without `Content-Length` is only known to
//! be too long when most of it has gone on. It then ends in an error, which aborts the
//! request behind; a body that merely stopped would look complete.

use axum::body::{Body, HttpBody};
use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

pub(super) struct Metered {
    inner: Body,
    left: u64,
    excess: Excess,
}

/// Whether the body was too long, even after it has been moved.
#[derive(Clone, Debug, Default)]
pub(super) struct Excess(Arc<AtomicBool>);

impl Excess {
    pub(super) fn seen(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the request body is longer than allowed")]
struct TooLong;

impl Metered {
    pub(super) fn new(inner: Body, bytes_max: u64) -> (Self, Excess) {
        let excess = Excess::default();
        (Self { inner, left: bytes_max, excess: excess.clone() }, excess)
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.remaining() as u64),
            _ => 0,
        };
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Poll::Ready(frame)
            }
            None => {
                self.excess.0.store(true, Ordering::Release);
                Poll::Ready(Some(Err(axum::Error::new(TooLong))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
