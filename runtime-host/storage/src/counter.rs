//! The encoding of counters, the same in every engine.

use crate::{Error, Result};

/// Adds `delta` to a counter; an absent counter is 0.
///
/// Counters are eight bytes, little endian, as in stock Spin: files move between the two hosts.
pub(crate) fn add(key: &str, old: Option<&[u8]>, delta: i64) -> Result<i64> {
    let current = match old {
        None => 0,
        Some(bytes) => i64::from_le_bytes(bytes.try_into().map_err(|_| {
            let length = bytes.len();
            Error::invalid(format!("`{key}` is not a counter: it has {length} bytes instead of 8"))
        })?),
    };
    current
        .checked_add(delta)
        .ok_or_else(|| Error::invalid(format!("the counter `{key}` would overflow i64")))
}
