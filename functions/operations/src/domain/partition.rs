//! A part of the books that is small enough to be checked at once.
//!
//! All books of an order are in the same part, which the first bits of a digest of the order's id
//! select. The first part is everything; a part that is too large is split in two, and the other
//! half is checked afterwards. So memory is bounded and all entries are checked.

use chassis::hash::fnv1a_32;
use serde::{Deserialize, Serialize};

/// The maximum number of bits of a part.
const BITS_MAX: u8 = 24;

/// Everything whose digest begins with these bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// The number of bits.
    bits: u8,
    /// The bits.
    value: u32,
}

impl Partition {
    /// Whether the entry with this key is in it.
    pub fn holds(&self, key: &str) -> bool {
        self.bits == 0 || digest(key) >> (32 - u32::from(self.bits)) == self.value
    }

    /// Whether it is the first of all parts. It includes the checks that run only once.
    pub fn is_first(&self) -> bool {
        self.value == 0
    }

    /// Its first half; `None` if it can't be split further.
    pub fn half(self) -> Option<Partition> {
        (self.bits < BITS_MAX).then(|| Partition { bits: self.bits + 1, value: self.value << 1 })
    }

    /// The next part; `None` at the end.
    pub fn next(self) -> Option<Partition> {
        let Partition { mut bits, mut value } = self;
        while value & 1 == 1 {
            bits -= 1;
            value >>= 1;
        }
        (bits > 0).then_some(Partition { bits, value: value | 1 })
    }

    /// Whether [`Partition::half`] and [`Partition::next`] can produce it.
    pub fn is_sound(&self) -> bool {
        self.bits <= BITS_MAX && u64::from(self.value) < 1 << self.bits
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
    fn parts_cover_everything_exactly_once() {
        let keys: Vec<String> = (0..1_000).map(|number| format!("ord_{number}")).collect();
        let mut met = vec![0; keys.len()];
        let (mut at, mut parts) = (Some(Partition::default()), 0);
        while let Some(mut part) = at {
            // Too large while it has more than 30 of them.
            while keys.iter().filter(|key| part.holds(key)).count() > 30 {
                part = part.half().expect("small enough in the end");
            }
            for (key, met) in keys.iter().zip(&mut met) {
                *met += u32::from(part.holds(key));
            }
            (at, parts) = (part.next(), parts + 1);
        }
        assert!(met.iter().all(|times| *times == 1));
        assert!((34..200).contains(&parts), "{parts}");
    }

    #[test]
    fn the_whole_is_one_part() {
        assert_eq!(Partition::default().next(), None);
        assert!(Partition::default().holds("anything") && Partition::default().is_sound());
        assert!(!Partition { bits: 1, value: 2 }.is_sound());
        assert!(!Partition { bits: 40, value: 0 }.is_sound());
    }
}
