//! Which calls go to the candidate.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The share that is everything, in percent.
pub const ALL_PERCENT: u8 = 100;

/// Whether calls with this key belong to the given share.
///
/// The same key has the same answer during the whole rollout, and a key that is in a share is in
/// each larger one: a user does not go back and forth between two revisions as the share grows.
/// `salt` is different for each rollout, so that not always the same users come first.
#[must_use]
pub fn is_in(share_percent: u8, key: &[u8], salt: u64) -> bool {
    if share_percent >= ALL_PERCENT {
        return true;
    }
    let point = u128::from(xxh3_64_with_seed(key, salt)) * u128::from(ALL_PERCENT);
    let percent = u8::try_from(point >> u64::BITS).unwrap_or(ALL_PERCENT);
    percent < share_percent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_stays_in_the_share_as_it_grows(key: Vec<u8>, salt: u64, percent in 0_u8..100) {
            prop_assert!(!is_in(percent, &key, salt) || is_in(percent + 1, &key, salt));
        }

        #[test]
        fn all_and_none_are_exact(key: Vec<u8>, salt: u64) {
            prop_assert!(!is_in(0, &key, salt));
            prop_assert!(is_in(ALL_PERCENT, &key, salt));
        }
    }

    #[test]
    fn the_share_of_keys_is_about_the_percentage() {
        for percent in [1, 5, 25, 50, 99] {
            let chosen = (0..100_000_u32).filter(|key| is_in(percent, &key.to_le_bytes(), 7));
            let chosen = u32::try_from(chosen.count()).unwrap();
            let expected = u32::from(percent) * 1_000;
            assert!(chosen.abs_diff(expected) < 600, "{chosen} of {expected}");
        }
    }

    #[test]
    fn another_rollout_chooses_other_keys() {
        let chosen = |salt| (0..1_000_u32).filter(move |key| is_in(10, &key.to_le_bytes(), salt));
        let both = chosen(1).filter(|key| is_in(10, &key.to_le_bytes(), 2)).count();
        assert!(both < chosen(1).count() / 2, "{both}");
    }
}
