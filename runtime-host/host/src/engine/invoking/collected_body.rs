//! The beginning of a body, collected so that a small response is sent at once.

use crate::calls::{CallError, Kind};
use crate::message::{Body, BodyError, Pieces};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt as _;
use std::time::Duration;

/// A response of at most this size is sent at once, with its length.
pub(super) const COLLECTED_BODY_MAX_BYTES: usize = 64 * 1024;

/// How long to wait for the end of a response whose length is not known before it is treated as a
/// stream.
pub(super) const COLLECT_GRACE: Duration = Duration::from_millis(2);

/// Whether the end of a body was reached.
#[derive(Debug)]
pub(super) enum BodyEnd {
    Reached,
    /// There is more. The first frame of it, if one was read that is not data.
    NotReached(Option<Frame<Bytes>>),
}

/// Reads a body until its end, or until it is not small or has trailers.
///
/// A body of the announced length is whole, even if its guest does not end it.
pub(super) async fn collect(
    body: &mut Body,
    announced: Option<usize>,
    collected: &mut Pieces,
) -> wasmtime::Result<BodyEnd> {
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) if announced == Some(collected.len()) => return Ok(BodyEnd::Reached),
            Err(error) => return Err(aborted(error).into()),
        };
        match frame.into_data() {
            Ok(data) => collected.push(data),
            Err(trailers) => return Ok(BodyEnd::NotReached(Some(trailers))),
        }
        if collected.len() > COLLECTED_BODY_MAX_BYTES {
            return Ok(BodyEnd::NotReached(None));
        }
    }
    Ok(BodyEnd::Reached)
}

/// The error of a call whose response's body was aborted. The guest may only have passed the body
/// on, so its source decides about the kind.
pub(super) fn aborted(error: BodyError) -> CallError {
    let kind = match error {
        BodyError::HttpRequestBodySize(_) => Kind::BodyTooLarge,
        // The connection of another component, or that of the client.
        BodyError::Hyper(_) | BodyError::ConnectionReadTimeout => Kind::BodyIncomplete,
        _ => Kind::NoAnswer,
    };
    CallError::new(kind, format!("response body aborted: {error:?}"))
}
