//! FNV-1a, for spreading keys over shards and for fingerprints.
//!
//! Stored data depends on these values: which shard an entry is in, for example. They are the same
//! in every build and must never change. The hash does not resist deliberate collisions.

/// The shard of a key, from 0 to `shards - 1`; 0 if `shards` is 0.
pub fn shard(key: &str, shards: u32) -> u32 {
    fnv1a_32(key.bytes()).checked_rem(shards).unwrap_or(0)
}

/// The 32-bit FNV-1a hash.
pub fn fnv1a_32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let step = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    bytes.into_iter().fold(0x811c_9dc5, step)
}

/// The 64-bit FNV-1a hash.
pub fn fnv1a_64(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_test_vectors_hold() {
        assert_eq!(fnv1a_32("".bytes()), 0x811c_9dc5);
        assert_eq!(fnv1a_32("foobar".bytes()), 0xbf9c_f968);
        assert_eq!(fnv1a_64("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64("foobar".bytes()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_shard_is_the_hash_modulo_the_number_of_shards() {
        assert_eq!(shard("foobar", 16), 0xbf9c_f968 % 16);
        assert_eq!(shard("foobar", 1), 0);
        assert_eq!(shard("foobar", 0), 0);
    }
}
