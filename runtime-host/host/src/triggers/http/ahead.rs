//! The part of a body that was read ahead.
//!
//! Small chunks are joined: a client may send each byte separately, and a chunk takes far more
//! memory than one byte.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;

/// The data that was read. A single chunk is not copied.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    first: Bytes,
    /// All data, as soon as there is a second chunk.
    joined: BytesMut,
    trailers: Option<HeaderMap>,
}

impl Ahead {
    pub(super) fn push(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) if self.first.is_empty() => self.first = data,
            Ok(data) => {
                if self.joined.is_empty() {
                    self.joined.extend_from_slice(&self.first);
                }
                self.joined.extend_from_slice(&data);
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    /// The length of the data in bytes.
    pub(super) fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    pub(super) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && !self.has_trailers()
    }

    /// Takes all data.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        let first = std::mem::take(&mut self.first);
        let joined = std::mem::take(&mut self.joined);
        let data = if joined.is_empty() { first } else { joined.freeze() };
        (!data.is_empty()).then_some(data)
    }

    /// Takes the trailers.
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &'static str) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn chunks_are_joined_and_trailers_come_last() {
        let mut ahead = Ahead::default();
        for piece in ["", "a", "", "b", "c"] {
            ahead.push(data(piece));
        }
        ahead.push(Frame::trailers(HeaderMap::new()));
        assert_eq!((ahead.len(), ahead.has_trailers(), ahead.is_empty()), (3, true, false));
        assert_eq!(ahead.take().as_deref(), Some(&b"abc"[..]));
        assert_eq!(ahead.take(), None);
        assert!(!ahead.is_empty() && ahead.take_trailers().is_some() && ahead.is_empty());
    }

    #[test]
    fn a_single_chunk_is_not_copied() {
        let piece = Bytes::from(vec![1; 100]);
        let mut ahead = Ahead::default();
        ahead.push(Frame::data(piece.clone()));
        assert_eq!(ahead.take().unwrap().as_ptr(), piece.as_ptr());
    }
}
