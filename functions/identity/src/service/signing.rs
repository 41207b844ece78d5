//! The signing keys: created on first use, kept in the store, rotated on schedule or on demand.

use super::{Error, Identity};
use crate::domain::key::{KeyRecord, KeyRing, Signer};
use crate::ports::Environment;
use crate::records::KEYS;
use chassis::store::{Store, StoreError};

/// How a new key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It is published first and signs later. The old keys are accepted until their tokens have
    /// expired, so clients are not affected.
    Overlapping,
    /// It signs immediately, and no other key is accepted, because the old one may have leaked. All
    /// access tokens become invalid; sessions continue.
    Compromised,
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// The keys in force, newest first.
    pub async fn key_ring(&self) -> Result<KeyRing, Error> {
        if let Some(ring) = self.store.read::<KeyRing>(KEYS).await? {
            return Ok(ring);
        }
        let first = KeyRecord::from_seed(&self.random()?, self.now_ms());
        let ring = KeyRing { keys: vec![first] };
        if self.store.create_guarded(KEYS, &ring).await? {
            return Ok(ring);
        }
        // A concurrent call has created the first key.
        let damaged = || Error::Misconfigured("the signing keys are missing".to_owned());
        self.store.read(KEYS).await?.ok_or_else(damaged)
    }

    /// Creates a new key and returns the ring. If a key is already published and does not sign yet,
    /// no second one is created.
    pub async fn rotate_keys(&self, rotation: Rotation) -> Result<KeyRing, Error> {
        self.key_ring().await?;
        let now_ms = self.now_ms();
        let fresh = KeyRecord::from_seed(&self.random()?, now_ms);
        self.update_ring(|ring| match rotation {
            Rotation::Overlapping if ring.has_successor(now_ms) => Ok(()),
            Rotation::Overlapping => {
                ring.add(fresh.clone()).then_some(()).ok_or(Error::TooManyKeys)
            }
            Rotation::Compromised => {
                ring.keys = vec![fresh.clone()];
                Ok(())
            }
        })
        .await
    }

    /// Creates a new key when the newest is old enough, and removes keys that are no longer needed.
    pub(super) async fn rotate_when_due(&self, now_ms: u64) -> Result<(), Error> {
        let Some(ring) = self.store.read::<KeyRing>(KEYS).await? else { return Ok(()) };
        if !ring.is_due(now_ms) && !ring.has_outlived(now_ms) {
            return Ok(());
        }
        let fresh = KeyRecord::from_seed(&self.random()?, now_ms);
        self.update_ring(|ring| {
            ring.retire(now_ms);
            if ring.is_due(now_ms) && !ring.add(fresh.clone()) {
                return Err(Error::TooManyKeys);
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(super) async fn signer(&self) -> Result<Signer, Error> {
        let ring = self.key_ring().await?;
        let signer = ring.signing(self.now_ms()).and_then(KeyRecord::signer);
        signer.ok_or_else(|| Error::Misconfigured("the signing key is damaged".to_owned()))
    }

    async fn update_ring(
        &self,
        mut change: impl FnMut(&mut KeyRing) -> Result<(), Error> + Send,
    ) -> Result<KeyRing, Error> {
        let change = |ring: Option<KeyRing>| {
            let gone = || StoreError::Unavailable("the signing keys are missing".to_owned());
            let mut ring = ring.ok_or_else(gone)?;
            change(&mut ring)?;
            Ok::<_, Error>((ring.clone(), ring))
        };
        self.store.update(KEYS, change).await
    }
}
