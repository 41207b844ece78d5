//! The part of a body that was read ahead.

use crate::message::Pieces;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

/// The data and the trailers that were read.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    data: Pieces,
    trailers: Option<HeaderMap>,
}

impl Ahead {
    pub(super) fn push(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => self.data.push(data),
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    /// The length of the data in bytes.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    pub(super) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && !self.has_trailers()
    }

    /// Takes all data.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        Some(self.data.take()).filter(|data| !data.is_empty())
    }

    /// Takes the trailers.
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}
