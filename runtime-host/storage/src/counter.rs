//! The form of counters, the same in every engine.

use crate::{Error, Result};

/// What a counter becomes when `delta` is added; an absent counter is 0.
///
/// Eight bytes, little endian, as stock Spin stores them: files move between the two hosts.
pub(crate) fn add(key: &str, old: Option<&[u8]>, delta: i64) -> Result<i64> {
    let current = match old {
        None => 0,
        Some(bytes) => i64::from_le_bytes(bytes.try_into().map_err(|_| {
            let length = bytes.len();
            Error::invalid(format!("`{key}` is no counter: it has {length} bytes and not 8"))
        })?),
    };
    current
        .checked_add(delta)
        .ok_or_else(|| Error::invalid(format!("the counter `{key}` would leave the range of i64")))
}
