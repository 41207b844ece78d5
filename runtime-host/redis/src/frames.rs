//! The size of replies, measured in what arrives, before it is decoded.
//!
//! A reply begins with a type and ends with a line, or announces the length of what follows: the bytes
//! of a string, or the elements of a list. So its size is known before most of it has arrived.

use crate::ELEMENT_BYTES;

/// Follows a stream of replies.
#[derive(Debug)]
pub(crate) struct Frames {
    max_bytes: usize,
    /// What the current reply counts so far, with what it has announced.
    bytes: usize,
    /// Elements of the current reply that are still to come; 0 between replies.
    elements: usize,
    position: Position,
}

/// Where in the stream the next byte is.
#[derive(Debug)]
enum Position {
    /// At the type of an element.
    Type,
    /// In the line after the type.
    Line { kind: u8, number: Number },
    /// In a string. The number of bytes that are left, with those of the end of line.
    Text(usize),
}

/// A number that is read digit by digit.
#[derive(Debug, Clone, Copy, Default)]
struct Number {
    negative: bool,
    value: usize,
}

/// A reply is larger than allowed, or not a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLargeError;

impl Frames {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: 0, elements: 0, position: Position::Type }
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn advance(&mut self, mut bytes: &[u8]) -> Result<(), TooLargeError> {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.position {
                Position::Type => {
                    if self.elements == 0 {
                        (self.bytes, self.elements) = (0, 1);
                    }
                    self.position = Position::Line { kind: *first, number: Number::default() };
                    bytes = rest;
                    self.count(ELEMENT_BYTES)?;
                }
                Position::Line { kind, number } => {
                    let (kind, ended) = (*kind, *first == b'\n');
                    number.read(*first);
                    let number = *number;
                    bytes = rest;
                    self.count(1)?;
                    if ended {
                        self.line_ended(kind, number)?;
                    }
                }
                Position::Text(left) => {
                    let taken = bytes.len().min(*left);
                    *left -= taken;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        self.element_ended();
                    }
                }
            }
        }
        Ok(())
    }

    fn line_ended(&mut self, kind: u8, number: Number) -> Result<(), TooLargeError> {
        let length = if number.negative { None } else { Some(number.value) };
        match (kind, length) {
            (b'$' | b'=' | b'!', Some(length)) => {
                self.count(length)?;
                self.position = Position::Text(length.saturating_add(2));
            }
            (b'*' | b'~' | b'>', Some(length)) => self.list(length)?,
            (b'%', Some(length)) => self.list(length.saturating_mul(2))?,
            // Attributes come before the element that they belong to.
            (b'|', Some(length)) => self.list(length.saturating_mul(2).saturating_add(1))?,
            _ => self.element_ended(),
        }
        Ok(())
    }

    fn list(&mut self, length: usize) -> Result<(), TooLargeError> {
        // The elements count when they arrive. Those that are announced must fit as well.
        if self.bytes.saturating_add(length.saturating_mul(ELEMENT_BYTES)) > self.max_bytes {
            return Err(TooLargeError);
        }
        self.elements += length;
        self.element_ended();
        Ok(())
    }

    fn element_ended(&mut self) {
        self.elements -= 1;
        self.position = Position::Type;
    }

    fn count(&mut self, bytes: usize) -> Result<(), TooLargeError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.max_bytes { Err(TooLargeError) } else { Ok(()) }
    }
}

impl Number {
    fn read(&mut self, byte: u8) {
        match byte {
            b'-' => self.negative = true,
            b'0'..=b'9' => {
                let digit = usize::from(byte - b'0');
                self.value = self.value.saturating_mul(10).saturating_add(digit);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all of it is accepted, in pieces of any size.
    fn accepts(max_bytes: usize, stream: &[u8]) -> bool {
        let results = [1, 2, 3, 7, stream.len().max(1)].map(|size| {
            let mut frames = Frames::new(max_bytes);
            let result = stream.chunks(size).try_for_each(|piece| frames.advance(piece));
            if result.is_ok() {
                assert_eq!((frames.elements, matches!(frames.position, Position::Type)), (0, true));
            }
            result.is_ok()
        });
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        results[0]
    }

    #[test]
    fn replies_of_all_types_are_followed() {
        let all: &[&[u8]] = &[
            b"+OK\r\n",
            b"-ERR 12 of 3\r\n",
            b":-42\r\n",
            b"$5\r\n$9\r\n\0\r\n",
            b"$0\r\n\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"*0\r\n",
            b"*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n+x\r\n",
            b"%1\r\n+a\r\n:1\r\n",
            b"|1\r\n+a\r\n:1\r\n:2\r\n",
            b"_\r\n",
            b"#t\r\n",
            b",1.5\r\n",
            b"=5\r\ntxt:a\r\n",
            b">2\r\n+message\r\n$1\r\nx\r\n",
        ];
        for one in all {
            assert!(accepts(1_000, one), "{}", one.escape_ascii());
        }
        assert!(accepts(1_000, &all.concat()), "each reply counts for itself");
    }

    #[test]
    fn a_reply_that_is_or_will_be_larger_than_the_limit_is_refused() {
        let head = |length: usize| format!("${length}\r\n").into_bytes();
        assert!(Frames::new(1_000).advance(&head(900)).is_ok());
        assert!(Frames::new(1_000).advance(&head(1_000)).is_err(), "before it has arrived");
        assert!(Frames::new(1_000).advance(&head(usize::MAX)).is_err());
        assert!(Frames::new(1_000).advance(b"*99999999999999999999\r\n").is_err());
        assert!(Frames::new(1_000).advance(b"*16\r\n").is_err(), "16 elements of 64 bytes");
        assert!(Frames::new(1_000).advance(b"%99999999999999999999\r\n").is_err());
        assert!(Frames::new(1_000).advance(&[b'+'; 1_001]).is_err(), "a line without an end");
        assert!(!accepts(200, b"*3\r\n:1\r\n:2\r\n:3\r\n"));
        assert!(accepts(300, b"*3\r\n:1\r\n:2\r\n:3\r\n"));
    }
}
