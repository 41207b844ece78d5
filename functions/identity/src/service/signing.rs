//! The signing keys: made on first use, kept in the store.

use super::{Error, Identity};
use crate::domain::key::{KeyRecord, KeyRing, Signer};
use crate::ports::Environment;
use chassis::store::Store;

/// Where the ring is stored.
const KEYS: &str = "keys";

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

    pub(super) async fn signer(&self) -> Result<Signer, Error> {
        let ring = self.key_ring().await?;
        let signer = ring.keys.first().and_then(KeyRecord::signer);
        signer.ok_or_else(|| Error::Misconfigured("the signing key is damaged".to_owned()))
    }
}
