//! A function's store: bytes under string keys, with compare-and-swap on one key.
//!
//! Stores have no transactions across keys and no listing by prefix. An aggregate is one
//! JSON value under one key, changed by [`Store::update`]; what must be listed is kept in an
//! index value. Counters ([`Store::increment`]) live under keys of their own: hosts keep
//! them in a binary form that is not JSON, and stock Spin fails hard on `increment` of a
//! value that is not a counter.

mod creation;
mod guard;
#[cfg(any(test, feature = "testing"))]
pub mod interleavings;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod probe;
#[cfg(target_family = "wasm")]
mod spin;
mod version;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStore;
pub use probe::{GOOD_FOR_MS, check_writable};
#[cfg(target_family = "wasm")]
pub use spin::SpinStore;
pub use version::{CONFLICTS_MAX, Conflicts, Version};

use crate::problem::{Problem, ProblemType};
use http::header;
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

/// How often [`Store::update`] tries again if another writer was faster. Each lost round means that
/// another writer won it, so this many losses in a row are a hot spot, not bad luck.
pub const UPDATE_ATTEMPTS_MAX: u32 = 64;

/// `Retry-After` when the store is full, in seconds.
const FULL_RETRY_AFTER_S: u64 = 60;
/// `Retry-After` when there is too much unfinished work, in seconds: about the time between two
/// sweeps.
const BACKLOG_RETRY_AFTER_S: u64 = 5;

/// Why an operation of a store failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store can't be reached or failed. The write may or may not have happened.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Too many rounds were lost to other writers. Nothing was written.
    #[error("too many writers at once on `{0}`")]
    Contended(String),
    /// The store is full. Nothing was written.
    #[error("the store is full")]
    Full,
    /// The maximum amount of unfinished work exists. Nothing was written.
    #[error("at most {max} {what} may be unfinished at once")]
    Backlog {
        /// The kind of work, in the plural.
        what: &'static str,
        /// The maximum.
        max: usize,
    },
    /// The value under this key is not what this code writes.
    #[error("the value of `{key}` can't be read: {reason}")]
    Corrupt {
        /// The key.
        key: String,
        /// What the decoder said.
        reason: String,
    },
}

/// From the stored bytes, if any, to the bytes that are to be written, if any.
pub type Change<'a> = dyn FnMut(Option<&[u8]>) -> Option<Vec<u8>> + Send + 'a;

/// Bytes under keys. Cheap to clone; all clones are the same store.
pub trait Store: Clone + Send + Sync + 'static {
    /// The value, `None` if there is none.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Writes unconditionally. Not for values that two callers change: see [`Store::update`].
    fn set(&self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the value. Does nothing if there is none.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Adds to a counter, which starts at 0, and returns its new value. Atomic on every host.
    fn increment(
        &self,
        key: &str,
        delta: i64,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Writes `new` if the current value is `expected`, and returns whether it was. If `expected`
    /// is `None`, this is only correct for keys that no other caller uses: on stock Spin, two
    /// writers of an absent key can both win. [`Store::create_guarded`] is correct for all keys.
    fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Asks the host to remove a key at a time (milliseconds since the epoch) or soon after.
    /// Returns whether the host supports it. The key does not have to exist yet. See
    /// [`crate::expiry`], which is right for all hosts.
    fn expire_at(
        &self,
        key: &str,
        at_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (key, at_ms);
        async { Ok(false) }
    }

    /// Writes bytes to an absent key. Of any number of concurrent callers, exactly one gets `true`.
    /// Don't delete such a key while a call that creates it may still be running: that call could
    /// write it again.
    fn create_bytes_guarded(
        &self,
        key: &str,
        new: &[u8],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.compare_and_swap(key, None, new)
    }

    /// The JSON value under `key`.
    fn read<T: DeserializeOwned + Send>(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send {
        async move { self.get(key).await?.map(|bytes| decode(key, &bytes)).transpose() }
    }

    /// Writes a JSON value unconditionally.
    fn write<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move { self.set(key, &encode(key, value)?).await }
    }

    /// Creates a JSON value under a key that no other caller uses (it contains a fresh id). Returns
    /// `false` if it exists.
    fn create<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move { self.compare_and_swap(key, None, &encode(key, value)?).await }
    }

    /// Creates a JSON value under a key that other callers may use too (an e-mail address, a SKU):
    /// exactly one caller gets `true`, on every host.
    fn create_guarded<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move { self.create_bytes_guarded(key, &encode(key, value)?).await }
    }

    /// Reads a JSON value for a later [`Store::swap`].
    fn load<T: DeserializeOwned + Send>(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<(Option<T>, Version), StoreError>> + Send {
        async move {
            let bytes = self.get(key).await?;
            let value = bytes.as_deref().map(|bytes| decode(key, bytes)).transpose()?;
            Ok((value, Version::new(key, bytes)))
        }
    }

    /// Replaces the value that was loaded. Returns `true` and updates `version` if the key was
    /// still in that state; otherwise nothing was written. Count lost rounds with [`Conflicts`].
    fn swap<T: Serialize + Sync>(
        &self,
        version: &mut Version,
        next: &T,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move { version.swap(self, next).await }
    }

    /// One round of a change: `change` gets the current value and returns the new one, or `None` to
    /// leave it. Returns `false` if another writer was faster; then nothing was written.
    fn exchange(
        &self,
        key: &str,
        change: &mut Change<'_>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move {
            let current = self.get(key).await?;
            let Some(next) = change(current.as_deref()) else { return Ok(true) };
            match current.as_deref() {
                Some(bytes) => self.compare_and_swap(key, Some(bytes), &next).await,
                None => self.create_bytes_guarded(key, &next).await,
            }
        }
    }

    /// Changes the JSON value under `key`: `change` gets the current value (`None` if absent) and
    /// returns the new value and a result, or an error, which leaves the value as it was. It is
    /// called again if another writer was faster, at most [`UPDATE_ATTEMPTS_MAX`] times, so it must
    /// have no side effects. An unchanged value is not written.
    fn update<T, R, E>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Result<(T, R), E> + Send,
    ) -> impl Future<Output = Result<R, E>> + Send
    where
        T: Serialize + DeserializeOwned + Send + Sync,
        R: Send,
        E: From<StoreError> + Send,
    {
        async move {
            for _ in 0..UPDATE_ATTEMPTS_MAX {
                let mut result = None;
                let mut round = |current: Option<&[u8]>| {
                    let (next, outcome) = changed(key, current, &mut change).map_or_else(
                        |error| (None, Err(error)),
                        |(next, outcome)| (next, Ok(outcome)),
                    );
                    result = Some(outcome);
                    next
                };
                let written = self.exchange(key, &mut round).await?;
                match result {
                    Some(Err(error)) => return Err(error),
                    Some(Ok(result)) if written => return Ok(result),
                    _ => {}
                }
            }
            Err(StoreError::Contended(key.to_owned()).into())
        }
    }

    /// [`Store::update`] of a value that has a default, in place.
    fn modify<T, R, E>(
        &self,
        key: &str,
        mut change: impl FnMut(&mut T) -> Result<R, E> + Send,
    ) -> impl Future<Output = Result<R, E>> + Send
    where
        T: Default + Serialize + DeserializeOwned + Send + Sync,
        R: Send,
        E: From<StoreError> + Send,
    {
        self.update(key, move |value: Option<T>| {
            let mut value = value.unwrap_or_default();
            let result = change(&mut value)?;
            Ok((value, result))
        })
    }
}

/// The bytes that `change` makes of a value (`None` if they are the same), and its result.
fn changed<T, R, E>(
    key: &str,
    current: Option<&[u8]>,
    change: &mut impl FnMut(Option<T>) -> Result<(T, R), E>,
) -> Result<(Option<Vec<u8>>, R), E>
where
    T: Serialize + DeserializeOwned,
    E: From<StoreError>,
{
    let decoded = current.map(|bytes| decode(key, bytes)).transpose()?;
    let (next, result) = change(decoded)?;
    let next = encode(key, &next)?;
    let stays = current.is_some_and(|current| same_bytes(current, &next));
    Ok(((!stays).then_some(next), result))
}

/// Whether two values are the same. Compares eight bytes at a time: in WebAssembly, `==` compares
/// byte by byte, which is noticeable for values of many kilobytes.
pub fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    let (one, one_rest) = one.as_chunks::<8>();
    let (other, other_rest) = other.as_chunks::<8>();
    one.len() == other.len()
        && one_rest == other_rest
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
}

pub(crate) fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Corrupt { key: key.to_owned(), reason: error.to_string() })
}

pub(crate) fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::Corrupt { key: key.to_owned(), reason: error.to_string() })
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        eprintln!("{error}");
        match error {
            StoreError::Unavailable(_) => Problem::unavailable("The store can't be reached.", 1),
            StoreError::Full => Problem::new(ProblemType::StoreFull)
                .header(header::RETRY_AFTER, &FULL_RETRY_AFTER_S.to_string())
                .detail(
                    "Nothing was changed, and no data was lost. The operator has to free space.",
                ),
            StoreError::Backlog { what, max } => Problem::new(ProblemType::TooManyUnfinished)
                .header(header::RETRY_AFTER, &BACKLOG_RETRY_AFTER_S.to_string())
                .detail(format!("At most {max} {what} may be unfinished at once."))
                .extension("unfinished_max", max),
            StoreError::Contended(_) => Problem::unavailable("Too many changes at once.", 1),
            StoreError::Corrupt { .. } => Problem::internal(),
        }
    }
}

#[cfg(test)]
mod tests;
