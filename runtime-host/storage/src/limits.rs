//! The limits of operations.

use crate::{Error, Result};

/// The limits of one operation, the same for every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of a key, in bytes of UTF-8.
    pub key_bytes_max: usize,
    /// The maximum length of a value, in bytes.
    pub value_bytes_max: usize,
    /// The maximum number of keys or entries in one batch.
    pub batch_keys_max: usize,
    /// The maximum size of all keys and values of one batch, in bytes, in a request and in an
    /// answer.
    pub batch_bytes_max: usize,
    /// The maximum number of keys in one page of a listing.
    pub page_keys_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_bytes_max: 4 * 1024,
            value_bytes_max: 16 * 1024 * 1024,
            batch_keys_max: 1_000,
            batch_bytes_max: 32 * 1024 * 1024,
            page_keys_max: 1_000,
        }
    }
}

/// The maximum length of the label of a store, in bytes.
pub(crate) const LABEL_BYTES_MAX: usize = 64;

impl Limits {
    pub(crate) fn check_key(&self, key: &str) -> Result<()> {
        at_most("the key", "bytes", key.len(), self.key_bytes_max)
    }

    pub(crate) fn check_entry(&self, key: &str, value: &[u8]) -> Result<()> {
        self.check_key(key)?;
        at_most("the value", "bytes", value.len(), self.value_bytes_max)
    }

    pub(crate) fn check_keys(&self, keys: &[String]) -> Result<()> {
        at_most("the batch", "keys", keys.len(), self.batch_keys_max)?;
        keys.iter().try_for_each(|key| self.check_key(key))
    }

    pub(crate) fn check_entries(&self, entries: &[(String, Vec<u8>)]) -> Result<()> {
        at_most("the batch", "keys", entries.len(), self.batch_keys_max)?;
        entries.iter().try_for_each(|(key, value)| self.check_entry(key, value))?;
        self.check_batch_bytes(entries.iter().map(|(key, value)| key.len() + value.len()).sum())
    }

    pub(crate) fn check_batch_bytes(&self, bytes: usize) -> Result<()> {
        at_most("the batch", "bytes", bytes, self.batch_bytes_max)
    }

    pub(crate) fn page_keys(&self, limit: usize) -> usize {
        limit.clamp(1, self.page_keys_max)
    }
}

pub(crate) fn check_label(label: &str) -> Result<()> {
    if label.is_empty() {
        return Err(Error::invalid("the label of a store may not be empty"));
    }
    at_most("the label", "bytes", label.len(), LABEL_BYTES_MAX)
}

fn at_most(what: &str, unit: &str, actual: usize, max: usize) -> Result<()> {
    if actual <= max {
        return Ok(());
    }
    Err(Error::invalid(format!("{what} has {actual} {unit}, more than the limit of {max}")))
}
