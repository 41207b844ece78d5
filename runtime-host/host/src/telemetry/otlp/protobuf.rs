//! The wire format of Protocol Buffers, as far as OTLP needs it.
//! <https://protobuf.dev/programming-guides/encoding/>
//!
//! Generated messages would have to be built before they are encoded, and their crates are larger
//! than this file: a span is written directly, field by field.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// A message that is being written. As in proto3, fields with their default value are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// Writes a message.
    pub(crate) fn of(write: impl FnOnce(&mut Self)) -> Self {
        let mut message = Self::default();
        write(&mut message);
        message
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A whole number of the types `uint32`, `uint64`, or of an enumeration.
    pub(crate) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, VARINT);
            self.varint(value);
        }
    }

    /// A whole number of the type `int64`, also if it is 0.
    pub(crate) fn int(&mut self, field: u32, value: i64) {
        self.key(field, VARINT);
        self.varint(value.cast_unsigned());
    }

    /// A whole number of the type `sint32`.
    pub(crate) fn zigzag(&mut self, field: u32, value: i32) {
        let zigzag = (value << 1) ^ (value >> 31);
        self.number(field, zigzag.cast_unsigned().into());
    }

    pub(crate) fn bool(&mut self, field: u32, value: bool) {
        self.number(field, value.into());
    }

    pub(crate) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.key(field, FIXED32);
            self.0.extend(value.to_le_bytes());
        }
    }

    /// A number of the types `fixed64` or `sfixed64`.
    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.member64(field, value);
        }
    }

    /// A number of the type `fixed64` in a choice of several, also if it is 0.
    pub(crate) fn member64(&mut self, field: u32, value: u64) {
        self.key(field, FIXED64);
        self.0.extend(value.to_le_bytes());
    }

    /// A number of the type `double`, also if it is 0.
    pub(crate) fn double(&mut self, field: u32, value: f64) {
        self.member64(field, value.to_bits());
    }

    pub(crate) fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.member(field, value);
        }
    }

    /// Bytes, a text or a message in a choice of several or in a list, also if it is empty.
    pub(crate) fn member(&mut self, field: u32, value: &[u8]) {
        self.key(field, BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A message within this one, also if it is empty.
    pub(crate) fn nested(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.member(field, Self::of(write).as_bytes());
    }

    /// The fields of another message.
    pub(crate) fn append(&mut self, fields: &Self) {
        self.0.extend_from_slice(&fields.0);
    }

    /// A list of numbers of the types `fixed64` or `double`.
    pub(crate) fn packed64(&mut self, field: u32, values: impl Iterator<Item = u64>) {
        let packed: Vec<u8> = values.flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &packed);
    }

    /// A list of numbers of the type `uint64`.
    pub(crate) fn packed(&mut self, field: u32, values: impl Iterator<Item = u64>) {
        let packed = Self::of(|packed| values.for_each(|value| packed.varint(value)));
        self.bytes(field, packed.as_bytes());
    }

    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A field of a message that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, up to the first one that is malformed.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let key = read_varint(&mut bytes)?;
        let field = match (key & 7) as u32 {
            VARINT => Field::Number(read_varint(&mut bytes)?),
            FIXED64 => Field::Number(u64::from_le_bytes(bytes.split_off(..8)?.try_into().ok()?)),
            FIXED32 => {
                Field::Number(u32::from_le_bytes(bytes.split_off(..4)?.try_into().ok()?).into())
            }
            BYTES => {
                let length = usize::try_from(read_varint(&mut bytes)?).ok()?;
                Field::Bytes(bytes.split_off(..length)?)
            }
            _ => return None,
        };
        Some((key >> 3, field))
    })
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification of the format.
    #[test]
    fn fields_have_the_bytes_of_the_specification() {
        assert_eq!(Message::of(|m| m.number(1, 150)).as_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::of(|m| m.text(2, "testing")).as_bytes(), b"\x12\x07testing");
        let nested = Message::of(|m| m.nested(3, |inner| inner.number(1, 150)));
        assert_eq!(nested.as_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let packed = Message::of(|m| m.packed(6, [3, 270, 86_942].into_iter()));
        assert_eq!(packed.as_bytes(), [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]);
        assert_eq!(Message::of(|m| m.int(1, -2)).as_bytes().len(), 11);
        assert_eq!(Message::of(|m| m.zigzag(1, -2)).as_bytes(), [0x08, 0x03]);
    }

    #[test]
    fn defaults_are_left_out() {
        let empty = Message::of(|m| {
            m.number(1, 0);
            m.text(2, "");
            m.fixed64(3, 0);
            m.fixed32(4, 0);
            m.bool(5, false);
        });
        assert!(empty.is_empty());
    }

    #[test]
    fn what_was_written_can_be_read() {
        let message = Message::of(|m| {
            m.number(1, 300);
            m.text(2, "text");
            m.fixed32(3, 7);
            m.fixed64(1_000, u64::MAX);
        });
        let read: Vec<_> = fields(message.as_bytes()).collect();
        let expected = [
            (1, Field::Number(300)),
            (2, Field::Bytes(b"text")),
            (3, Field::Number(7)),
            (1_000, Field::Number(u64::MAX)),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn reading_ends_at_malformed_bytes() {
        for malformed in [&[0x08][..], &[0x12, 0x05, b'a'], &[0x0f, 1], &[0xff; 20], &[0x09, 1]] {
            assert_eq!(fields(malformed).count(), 0, "{malformed:?}");
        }
    }
}
