//! `numeric`: decimal text in the interface, digits to the base of 10,000 on the wire.

use std::cmp::Ordering;
use tokio_postgres::types::private::BytesMut;

/// The digits on each side of the point that the server accepts.
const DIGITS_MAX: usize = 131_072;
const SCALE_MAX: usize = 16_383;
/// Decimal digits in a digit on the wire.
const GROUP: usize = 4;

/// A number of any precision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numeric {
    sign: Sign,
    /// The power of 10,000 of the first digit.
    weight: i16,
    /// Decimal digits after the point.
    scale: u16,
    /// Without zeros at the beginning and at the end.
    digits: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    NegativeInfinity,
    Negative,
    Positive,
    Infinity,
    /// Greater than all numbers, as in PostgreSQL.
    NotANumber,
}

impl Sign {
    const WIRE: [(Self, u16); 5] = [
        (Self::Positive, 0x0000),
        (Self::Negative, 0x4000),
        (Self::NotANumber, 0xC000),
        (Self::Infinity, 0xD000),
        (Self::NegativeInfinity, 0xF000),
    ];
    const NAMES: [(Self, &str); 3] = [
        (Self::NotANumber, "NaN"),
        (Self::Infinity, "Infinity"),
        (Self::NegativeInfinity, "-Infinity"),
    ];
}

impl Numeric {
    /// Digits, with an optional sign and an optional point, or one of the names of special values.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some((sign, _)) = Sign::NAMES.iter().find(|(_, name)| *name == text) {
            return Some(Self { sign: *sign, weight: 0, scale: 0, digits: Vec::new() });
        }
        let (sign, number) = match text.strip_prefix('-') {
            Some(number) => (Sign::Negative, number),
            None => (Sign::Positive, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let valid = is_decimal(whole) && is_decimal(fraction) && whole.len() + fraction.len() > 0;
        if !valid || whole.len() > DIGITS_MAX || fraction.len() > SCALE_MAX {
            return None;
        }
        let groups = whole.len().div_ceil(GROUP);
        let width = groups * GROUP;
        let text = format!("{whole:0>width$}{fraction}");
        let digits: Vec<u16> = text.as_bytes().chunks(GROUP).map(digit).collect();
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        let end = digits.iter().rposition(|digit| *digit != 0).map_or(zeros, |last| last + 1);
        let digits = digits[zeros..end].to_vec();
        let zero = digits.is_empty();
        let weight = i32::try_from(groups).ok()? - 1 - i32::try_from(zeros).ok()?;
        Some(Self {
            sign: if zero { Sign::Positive } else { sign },
            weight: if zero { 0 } else { i16::try_from(weight).ok()? },
            scale: u16::try_from(fraction.len()).ok()?,
            digits,
        })
    }

    /// `None` if the bytes are no number.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let count = usize::from(fields.next()?);
        let weight = fields.next()?.cast_signed();
        let sign = fields.next()?;
        let sign = Sign::WIRE.iter().find(|(_, wire)| *wire == sign)?.0;
        let scale = fields.next()?;
        let digits: Vec<_> = fields.collect();
        let complete = digits.len() == count && bytes.len() == 2 * (4 + count);
        complete.then_some(Self { sign, weight, scale, digits })
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        let sign = Sign::WIRE.iter().find(|(sign, _)| *sign == self.sign);
        let sign = sign.map_or(0, |(_, wire)| *wire);
        // A number has at most 37,000 digits of 4.
        let count = self.digits.len() as u16;
        for field in [count, self.weight.cast_unsigned(), sign, self.scale] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        self.digits.iter().for_each(|digit| out.extend_from_slice(&digit.to_be_bytes()));
    }

    /// The digit with this power of 10,000.
    fn digit(&self, power: i32) -> u16 {
        let index = usize::try_from(i32::from(self.weight) - power);
        index.ok().and_then(|index| self.digits.get(index)).copied().unwrap_or(0)
    }

    /// The order of the values, whatever their scales.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.sign.cmp(&other.sign).then_with(|| {
            let order = self.magnitude().cmp(&other.magnitude());
            if self.sign == Sign::Negative { order.reverse() } else { order }
        })
    }

    /// What numbers of one sign are ordered by.
    fn magnitude(&self) -> (Option<i16>, &[u16]) {
        ((!self.digits.is_empty()).then_some(self.weight), &self.digits)
    }
}

fn digit(decimals: &[u8]) -> u16 {
    let decimal = |index| decimals.get(index).map_or(0, |byte: &u8| u16::from(byte - b'0'));
    (0..GROUP).fold(0, |digit, index| digit * 10 + decimal(index))
}

impl std::fmt::Display for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((_, name)) = Sign::NAMES.iter().find(|(sign, _)| *sign == self.sign) {
            return f.write_str(name);
        }
        if self.sign == Sign::Negative {
            f.write_str("-")?;
        }
        let first = i32::from(self.weight).max(0);
        write!(f, "{}", self.digit(first))?;
        (0..first).rev().try_for_each(|power| write!(f, "{:04}", self.digit(power)))?;
        let scale = usize::from(self.scale);
        if scale == 0 {
            return Ok(());
        }
        let powers = 1..=scale.div_ceil(GROUP) as i32;
        let fraction: String = powers.map(|power| format!("{:04}", self.digit(-power))).collect();
        write!(f, ".{}", &fraction[..scale])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Numeric {
        Numeric::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_keep_their_text() {
        let long = format!("{}.{}", "123456789".repeat(30), "0987654321".repeat(20));
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "9999",
            "10000",
            "10001",
            "100000000",
            "0.1",
            "0.0001",
            "0.00001",
            "-0.00000001",
            "1.50",
            "12345.6789",
            "70000.00007",
            "NaN",
            "Infinity",
            "-Infinity",
            &long,
        ] {
            let mut wire = BytesMut::new();
            number(text).write(&mut wire);
            let read = Numeric::read(&wire).unwrap();
            assert_eq!((read.to_string().as_str(), &read), (text, &number(text)));
        }
        assert_eq!(number("+007.").to_string(), "7");
        assert_eq!(number(".5").to_string(), "0.5");
        assert_eq!(number("-0.0").to_string(), "0.0");
    }

    #[test]
    fn digits_are_as_on_the_wire() {
        let mut wire = BytesMut::new();
        number("-12345.678").write(&mut wire);
        let fields = [0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1A, 0x7C];
        assert_eq!(wire[..], fields);
        assert_eq!(Numeric::read(&fields[..12]), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".", "-", "1e3", "1.2.3", "1_000", "٣", " 1", "--1"] {
            assert_eq!(Numeric::parse(text), None, "{text}");
        }
        assert_eq!(Numeric::parse(&"1".repeat(DIGITS_MAX + 1)), None);
    }

    #[test]
    fn numbers_are_ordered() {
        let ordered = [
            "-Infinity",
            "-10000",
            "-2",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "0.0001",
            "0.5",
            "1",
            "1.0001",
            "9999",
            "10000",
            "123456",
            "Infinity",
            "NaN",
        ];
        for pair in ordered.windows(2) {
            assert_eq!(number(pair[0]).compare(&number(pair[1])), Ordering::Less, "{pair:?}");
        }
        assert_eq!(number("1.5").compare(&number("1.50")), Ordering::Equal);
    }
}
