//! Data of a body that arrives in pieces.

use bytes::{Bytes, BytesMut};

/// Joins pieces: a sender may send each byte separately, and a piece takes far more memory than one
/// byte. A single piece is not copied.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    first: Bytes,
    /// All data, as soon as there is a second piece.
    joined: BytesMut,
}

impl Pieces {
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&data);
    }

    /// The length of the data in bytes.
    pub(crate) fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    /// Takes all data.
    pub(crate) fn take(&mut self) -> Bytes {
        let Self { first, joined } = std::mem::take(self);
        if joined.is_empty() { first } else { joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined() {
        let mut pieces = Pieces::default();
        for piece in ["", "a", "", "b", "c"] {
            pieces.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!((pieces.len(), &*pieces.take(), pieces.len()), (3, &b"abc"[..], 0));
        assert!(pieces.take().is_empty());
    }

    #[test]
    fn a_single_piece_is_not_copied() {
        let piece = Bytes::from(vec![1; 100]);
        let mut pieces = Pieces::default();
        pieces.push(piece.clone());
        assert_eq!(pieces.take().as_ptr(), piece.as_ptr());
    }
}
