//! The signing keys: made on first use, kept in the store, renewed by the clock or on demand.

use super::{Error, Identity};
use crate::domain::key::{KeyRecord, KeyRing, Signer};
use crate::ports::Environment;
use chassis::store::{Store, StoreError};

/// Where the ring is stored.
const KEYS: &str = "keys";

/// How a new key comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It is published first and signs later, and the old ones are believed until their tokens
    /// have ended: nobody notices.
    Overlapping,
    /// It signs at once, and no other is believed any more: somebody may have the old one. All
    /// access tokens end; sessions go on.
    Compromised,
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// The keys in force, newest first.
    pub async fn key_ring(&self) -> Result<KeyRing, Error> {
        if let Some(ring) = self.store.read::<KeyRing>(KEYS).await? {
            return Ok(ring);
        }
        let first = KeyRecord::from_seed(&self.random()?, self.environment.now_ms());
        let ring = KeyRing { keys: vec![first] };
        if self.store.create_guarded(KEYS, &ring).await? {
            return Ok(ring);
        }
        // Somebody else made the first key: theirs counts.
        let damaged = || Error::Misconfigured("the signing keys vanished".to_owned());
        self.store.read(KEYS).await?.ok_or_else(damaged)
    }

    /// Makes a new key now; the ring as it is then. While one waits to sign, there is no second.
    pub async fn rotate_keys(&self, rotation: Rotation) -> Result<KeyRing, Error> {
        self.key_ring().await?;
        let now_ms = self.environment.now_ms();
        let fresh = KeyRecord::from_seed(&self.random()?, now_ms);
        self.update_ring(|ring| match rotation {
            Rotation::Overlapping if ring.has_successor(now_ms) => Ok(()),
            Rotation::Overlapping => {
                ring.add(fresh.clone()).then_some(()).ok_or(Error::TooManyKeys)
            }
            Rotation::Compromised => {
                ring.replace(fresh.clone());
                Ok(())
            }
        })
        .await
    }

    /// Makes a new key when the newest is old, and forgets those that nobody needs any more.
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
        let signer = ring.signing(self.environment.now_ms()).and_then(KeyRecord::signer);
        signer.ok_or_else(|| Error::Misconfigured("the signing key is damaged".to_owned()))
    }

    async fn update_ring(
        &self,
        mut change: impl FnMut(&mut KeyRing) -> Result<(), Error> + Send,
    ) -> Result<KeyRing, Error> {
        let change = |ring: Option<KeyRing>| {
            let gone = || StoreError::Unavailable("the signing keys vanished".to_owned());
            let mut ring = ring.ok_or_else(gone)?;
            change(&mut ring)?;
            Ok::<_, Error>((ring.clone(), ring))
        };
        self.store.update(KEYS, change).await
    }
}
