//! Parts of the books that are small enough to be checked at once.
//!
//! The first bits of a digest of an entry's key select its part, so all books of an order are in
//! the same part. Entries are stored in [`BUCKETS`] buckets while the books are read; a bucket that
//! is too large to be checked at once is checked in several parts.

use chassis::hash::fnv1a_32;

/// The number of buckets, a power of two. A run notes the used ones in the bits of a `u64`.
pub const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 6;
/// The maximum number of bits of a part.
const BITS_MAX: u32 = 24;

/// Everything whose digest begins with these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    bits: u32,
    value: u32,
}

impl Partition {
    /// The bucket of this key.
    pub fn bucket(key: &str) -> usize {
        (digest(key) >> (u32::BITS - BUCKET_BITS)) as usize
    }

    /// The parts of a bucket with this many entries, so that each has about `max` at most.
    pub fn parts_of(bucket: usize, entries: u64, max: u64) -> impl Iterator<Item = Partition> {
        let parts = entries.div_ceil(max.max(1)).max(1).next_power_of_two();
        let more = parts.ilog2().min(BITS_MAX - BUCKET_BITS);
        let first = u32::try_from(bucket).unwrap_or_default() << more;
        (first..first + (1 << more)).map(move |value| Partition { bits: BUCKET_BITS + more, value })
    }

    /// Whether the entry with this key is in it.
    pub fn holds(self, key: &str) -> bool {
        digest(key) >> (u32::BITS - self.bits) == self.value
    }
}

/// FNV-1a with a final mixing step, because ids differ in few bytes only.
pub(super) fn digest(key: &str) -> u32 {
    let hash = fnv1a_32(key.bytes());
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_bucket_exactly_once_and_are_small() {
        let keys: Vec<String> = (0..6_400).map(|number| format!("ord_{number}")).collect();
        let mut met = vec![0; keys.len()];
        for bucket in 0..BUCKETS {
            let all = keys.iter().filter(|key| Partition::bucket(key) == bucket).count();
            let parts: Vec<_> = Partition::parts_of(bucket, all as u64, 30).collect();
            assert!((4..=8).contains(&parts.len()), "{all} keys in {} parts", parts.len());
            for part in parts {
                let held = keys.iter().zip(&mut met).filter(|(key, _)| part.holds(key));
                let count = held.map(|(_, times)| *times += 1).count();
                assert!(count < 60, "{count}");
            }
        }
        assert!(met.iter().all(|times| *times == 1));
    }

    #[test]
    fn an_empty_bucket_is_one_part() {
        assert_eq!(Partition::parts_of(3, 0, 30).count(), 1);
    }
}
