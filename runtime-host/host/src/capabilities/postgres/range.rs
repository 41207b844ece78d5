//! Ranges of integers and numbers.

use super::numeric::Numeric;
use super::types::RangeBoundKind;
use super::value::Malformed;
use postgres_protocol::IsNull;
use postgres_protocol::types::{self as wire, RangeBound};
use std::cmp::Ordering;
use std::error::Error;
use tokio_postgres::types::private::BytesMut;

type BoxError = Box<dyn Error + Sync + Send>;
/// A bound; `None` if there is none.
pub(super) type Bound<T> = Option<(T, RangeBoundKind)>;
pub(super) type Range<T> = (Bound<T>, Bound<T>);

/// What a range may consist of.
pub(super) trait Element: Sized {
    fn compare(&self, other: &Self) -> Ordering;
    fn read(bytes: &[u8]) -> Option<Self>;
    fn write(&self, out: &mut BytesMut);
}

impl Element for i32 {
    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }

    fn write(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Element for i64 {
    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }

    fn write(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Element for Numeric {
    fn compare(&self, other: &Self) -> Ordering {
        Self::compare(self, other)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes)
    }

    fn write(&self, out: &mut BytesMut) {
        Self::write(self, out);
    }
}

/// Reads a range. The interface has no empty range: it has no bounds then, as in stock Spin.
pub(super) fn read<T: Element>(bytes: &[u8]) -> Result<Range<T>, BoxError> {
    match wire::range_from_sql(bytes)? {
        wire::Range::Empty => Ok((None, None)),
        wire::Range::Nonempty(lower, upper) => Ok((read_bound(lower)?, read_bound(upper)?)),
    }
}

fn read_bound<T: Element>(bound: RangeBound<Option<&[u8]>>) -> Result<Bound<T>, BoxError> {
    let (bytes, kind) = match bound {
        RangeBound::Inclusive(bytes) => (bytes, RangeBoundKind::Inclusive),
        RangeBound::Exclusive(bytes) => (bytes, RangeBoundKind::Exclusive),
        RangeBound::Unbounded => return Ok(None),
    };
    let value = bytes.and_then(T::read).ok_or(Malformed)?;
    Ok(Some((value, kind)))
}

/// Writes a range. One whose bounds leave nothing in between is empty.
pub(super) fn write<T: Element>(
    (lower, upper): &Range<T>,
    out: &mut BytesMut,
) -> Result<(), BoxError> {
    if is_empty(lower.as_ref(), upper.as_ref()) {
        wire::empty_range_to_sql(out);
        return Ok(());
    }
    let bound = |bound: &Bound<T>, out: &mut BytesMut| {
        let Some((value, kind)) = bound else { return RangeBound::Unbounded };
        value.write(out);
        match kind {
            RangeBoundKind::Inclusive => RangeBound::Inclusive(IsNull::No),
            RangeBoundKind::Exclusive => RangeBound::Exclusive(IsNull::No),
        }
    };
    wire::range_to_sql(|out| Ok(bound(lower, out)), |out| Ok(bound(upper, out)), out)
}

fn is_empty<T: Element>(
    lower: Option<&(T, RangeBoundKind)>,
    upper: Option<&(T, RangeBoundKind)>,
) -> bool {
    let (Some((lower, from)), Some((upper, to))) = (lower, upper) else { return false };
    match (from, to) {
        (RangeBoundKind::Inclusive, RangeBoundKind::Inclusive) => lower.compare(upper).is_gt(),
        _ => lower.compare(upper).is_ge(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again<T: Element>(range: &Range<T>) -> Range<T> {
        let mut out = BytesMut::new();
        write(range, &mut out).unwrap();
        read(&out).unwrap()
    }

    #[test]
    fn ranges_keep_their_bounds() {
        let range = (Some((-1, RangeBoundKind::Exclusive)), Some((7, RangeBoundKind::Inclusive)));
        assert_eq!(again::<i32>(&range), range);
        let range = (None, Some((i64::MAX, RangeBoundKind::Exclusive)));
        assert_eq!(again(&range), range);
        let half = Numeric::parse("0.5").unwrap();
        let range = (Some((half, RangeBoundKind::Inclusive)), None);
        assert_eq!(again(&range), range);
    }

    #[test]
    fn nothing_between_the_bounds_is_the_empty_range() {
        let bound = |value: i32, kind| Some((value, kind));
        for (lower, upper) in [
            (bound(2, RangeBoundKind::Inclusive), bound(1, RangeBoundKind::Inclusive)),
            (bound(1, RangeBoundKind::Inclusive), bound(1, RangeBoundKind::Exclusive)),
        ] {
            assert_eq!(again(&(lower, upper)), (None, None));
        }
    }
}
