//! Percentage splits.
//!
//! The hash of flag and targeting key is a point on a line, which is divided in proportion to the
//! weights. The key of the flag is part of the hash: otherwise, the users who get the first variant
//! of one flag would get it of all. The division is a multiplication and a shift, which is exact for
//! all weights; the remainder of a division would prefer the first entries.

use xxhash_rust::xxh3::xxh3_64;

/// Which entry of a split a targeting key belongs to, by the weights in their order. `None` if all
/// weights are 0.
///
/// A key stays with the first entry as its weight grows at the expense of the others.
pub(crate) fn choose(flag: &str, targeting_key: &str, weights: &[u32]) -> Option<usize> {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    let point = (u64::from(hash(flag, targeting_key)) * total) >> u32::BITS;
    let mut end = 0;
    weights.iter().position(|weight| {
        end += u64::from(*weight);
        point < end
    })
}

/// 32 bits. The zero byte, which is in no key of a flag, separates the two.
fn hash(flag: &str, targeting_key: &str) -> u32 {
    let mut bytes = Vec::with_capacity(flag.len() + 1 + targeting_key.len());
    bytes.extend_from_slice(flag.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(targeting_key.as_bytes());
    (xxh3_64(&bytes) >> u32::BITS) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::limits::{VARIANTS_MAX, WEIGHT_MAX};
    use proptest::prelude::*;

    /// The highest product does not overflow.
    const _: () = assert!((VARIANTS_MAX as u64 * WEIGHT_MAX as u64) < 1 << u32::BITS);

    fn users(count: u32) -> impl Iterator<Item = String> {
        (0..count).map(|number| format!("usr_{number}"))
    }

    proptest! {
        #[test]
        fn a_key_stays_with_the_first_variant_as_its_weight_grows(
            key: String, first in 0..WEIGHT_MAX, more in 0..WEIGHT_MAX,
        ) {
            let grown = (first + more).min(WEIGHT_MAX);
            let weights = |first| [first, WEIGHT_MAX - first];
            let before = choose("flag", &key, &weights(first));
            let after = choose("flag", &key, &weights(grown));
            prop_assert!(before != Some(0) || after == Some(0));
        }

        #[test]
        fn each_key_has_one_variant_with_a_weight(
            key: String, weights in prop::collection::vec(0..=WEIGHT_MAX, 1..VARIANTS_MAX),
        ) {
            let chosen = choose("flag", &key, &weights);
            prop_assert_eq!(chosen, choose("flag", &key, &weights));
            prop_assert_eq!(chosen.is_none(), weights.iter().all(|weight| *weight == 0));
            prop_assert!(chosen.is_none_or(|chosen| weights[chosen] > 0));
        }
    }

    #[test]
    fn shares_are_about_the_weights() {
        for percent in [1, 10, 50, 99] {
            let weights = [percent, 100 - percent];
            let chosen = users(100_000).filter(|user| choose("f", user, &weights) == Some(0));
            let chosen = u32::try_from(chosen.count()).unwrap();
            assert!(chosen.abs_diff(percent * 1_000) < 600, "{chosen} for {percent} %");
        }
    }

    #[test]
    fn flags_do_not_correlate() {
        let is_first = |flag: &str, user: &str| choose(flag, user, &[10, 90]) == Some(0);
        let of_one = users(10_000).filter(|user| is_first("one", user));
        let both = of_one.filter(|user| is_first("other", user)).count();
        // A tenth of a tenth.
        assert!((50..150).contains(&both), "{both}");
    }

    /// Users would see other variants after an update.
    #[test]
    fn the_hash_is_stable() {
        assert_eq!(hash("cart-recommendations", "usr_1"), 0xdcf7_8b3d);
    }
}
