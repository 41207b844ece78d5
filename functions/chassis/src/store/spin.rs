//! The store that the host gives to this component, through `wasi:keyvalue`.

use super::creation::{Creation, Trial};
use super::{Change, Store, StoreError, guard, same_bytes};
use platform::tessera::store::expiry;
use spin_sdk::experimental::wasi::keyvalue::{atomics, store};
use std::sync::{Arc, Mutex, PoisonError};

/// Additional features of the platform's stores. A component that does not use them does not import
/// the interface.
#[allow(warnings, unsafe_code, clippy::all, clippy::pedantic)]
mod platform {
    spin_sdk::wit_bindgen::generate!({
        inline: "
            package chassis:store;
            world client { import tessera:store/expiry@1.0.0; }
        ",
        path: "../../wit/store",
        world: "chassis:store/client",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// What this instance has opened. A handle is good for as long as the instance lives.
static OPEN: Mutex<Vec<(String, SpinStore)>> = Mutex::new(Vec::new());

/// An open store of the host.
#[derive(Clone)]
pub struct SpinStore {
    label: Arc<str>,
    bucket: Arc<store::Bucket>,
    creation: Arc<Creation>,
}

impl SpinStore {
    /// Open the store with this label, once; the manifest must grant it to the component.
    pub fn open(label: &str) -> Result<SpinStore, StoreError> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, store)) = open.iter().find(|(known, _)| known == label) {
            return Ok(store.clone());
        }
        let bucket = store::open(label).map_err(unavailable)?;
        let (bucket, creation) = (Arc::new(bucket), Arc::new(Creation::new()));
        let store = SpinStore { label: label.into(), bucket, creation };
        open.push((label.to_owned(), store.clone()));
        Ok(store)
    }
}

impl Store for SpinStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.bucket.get(key).map_err(unavailable)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.bucket.set(key, value).map_err(unavailable)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.bucket.delete(key).map_err(unavailable)
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        atomics::increment(&self.bucket, key, delta).map_err(unavailable)
    }

    async fn expire_at(&self, key: &str, at_ms: u64) -> Result<bool, StoreError> {
        use expiry::Error;
        match expiry::expire_at(self.label.to_string(), key.to_owned(), at_ms).await {
            Ok(()) => Ok(true),
            Err(Error::Unsupported) => Ok(false),
            Err(Error::Full) => Err(StoreError::Full),
            Err(Error::NoSuchStore) => Err(unavailable(store::Error::NoSuchStore)),
            Err(Error::AccessDenied) => Err(unavailable(store::Error::AccessDenied)),
            Err(Error::Unavailable(text)) => Err(StoreError::Unavailable(text)),
        }
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let cas = atomics::Cas::new(&self.bucket, key).map_err(unavailable)?;
        let current = cas.current().map_err(unavailable)?;
        let same = match (current.as_deref(), expected) {
            (Some(current), Some(expected)) => same_bytes(current, expected),
            (current, expected) => current.is_none() && expected.is_none(),
        };
        if !same {
            return Ok(false);
        }
        swap(cas, new)
    }

    /// The value that the swap compares with is the one that is changed, so it is read once.
    async fn exchange(&self, key: &str, change: &mut Change<'_>) -> Result<bool, StoreError> {
        let cas = atomics::Cas::new(&self.bucket, key).map_err(unavailable)?;
        let current = cas.current().map_err(unavailable)?;
        let Some(next) = change(current.as_deref()) else { return Ok(true) };
        match current {
            Some(_) => swap(cas, &next),
            None => self.create_bytes_guarded(key, &next).await,
        }
    }

    async fn create_bytes_guarded(&self, key: &str, new: &[u8]) -> Result<bool, StoreError> {
        self.creation.create(self, &WallPace, key, new).await
    }
}

impl Trial for SpinStore {
    async fn refuses_second(&self) -> Result<bool, StoreError> {
        let key = crate::id::new("trial");
        let first = atomics::Cas::new(&self.bucket, &key).map_err(unavailable)?;
        let second = atomics::Cas::new(&self.bucket, &key).map_err(unavailable)?;
        for cas in [&first, &second] {
            cas.current().map_err(unavailable)?;
        }
        let refuses = swap(first, b"1")? && !swap(second, b"2")?;
        self.delete(&key).await?;
        Ok(refuses)
    }
}

/// Whether no other writer was faster.
fn swap(cas: atomics::Cas, new: &[u8]) -> Result<bool, StoreError> {
    match atomics::swap(cas, new) {
        Ok(()) => Ok(true),
        Err(atomics::CasError::CasFailed(_)) => Ok(false),
        Err(atomics::CasError::StoreError(error)) => Err(unavailable(error)),
    }
}

struct WallPace;

impl guard::Pace for WallPace {
    fn now_ms(&self) -> u64 {
        crate::clock::now_ms()
    }

    async fn pause(&self, ms: u64) {
        spin_sdk::time::sleep(std::time::Duration::from_millis(ms)).await;
    }
}

fn unavailable(error: store::Error) -> StoreError {
    StoreError::Unavailable(match error {
        store::Error::NoSuchStore => "no such store; is it in the manifest?".to_owned(),
        store::Error::AccessDenied => "this component may not open the store".to_owned(),
        store::Error::Other(text) if is_full(&text) => return StoreError::Full,
        store::Error::Other(text) => text,
    })
}

/// The contract has no case for a full store, so the texts of this host and of SQLite are compared.
fn is_full(text: &str) -> bool {
    ["the store is full", "database or disk is full"].iter().any(|full| text.contains(full))
}
