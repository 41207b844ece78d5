//! Accounts that are being made, so that a crash in the middle is mended.
//!
//! An account counts from the moment that it has claimed its address, in another value. No
//! outbox can hold an event for that moment: before it there may never be an account, after it
//! the process may be dead. So the id of every account that is being made is noted first, and
//! a sweep looks at what came of those that are still noted: who has their address is
//! announced.

use super::accounts::Owner;
use super::{Error, Identity, grants_key, user_key};
use crate::domain::user::User;
use crate::ports::Environment;
use chassis::outbox::RelayError;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// Values that the notes are spread over.
const SHARDS: u8 = 16;
/// Most notes in one of them. More means that the log of events has been away for long; nobody
/// is registered until it is back.
const SHARD_LENGTH_MAX: usize = 1_000;
/// After this time no registration goes on any more. Milliseconds.
pub const REGISTRATION_AGE_MS: u64 = 600_000;
/// After this time a registration claims no address any more, in milliseconds. The rest of
/// [`REGISTRATION_AGE_MS`] is for the claim to arrive and for clocks that differ: an address
/// must never lead to an account that a sweep takes away.
pub(super) const CLAIM_AGE_MS: u64 = REGISTRATION_AGE_MS / 2;
/// Most outboxes that one sweep looks at.
const SWEEP_KEYS_MAX: usize = 200;

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Accounts that were announced now.
    pub announced: usize,
    /// Registrations that are still to be looked at.
    pub waiting: usize,
    /// What became of changes that were not published.
    pub changes: chassis::outbox::Swept,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Registration {
    user_id: String,
    address_key: String,
    begun_ms: u64,
}

impl<S: Store, E: Environment> Identity<S, E> {
    pub(super) async fn begin_registration(&self, user: &User) -> Result<(), Error> {
        let registration = Registration {
            user_id: user.id.clone(),
            address_key: super::accounts::email_key(&user.email),
            begun_ms: user.created_at_ms,
        };
        let add = |shard: Option<Vec<Registration>>| {
            let mut shard = shard.unwrap_or_default();
            if shard.len() >= SHARD_LENGTH_MAX {
                let reason = "too many accounts wait to be announced".to_owned();
                return Err(StoreError::Unavailable(reason));
            }
            shard.push(registration.clone());
            Ok((shard, ()))
        };
        Ok(self.store.update(&shard_key(shard_of(&user.id)), add).await?)
    }

    pub(super) async fn end_registration(&self, user_id: &str) -> Result<(), Error> {
        let remove = |shard: Option<Vec<Registration>>| {
            let mut shard = shard.unwrap_or_default();
            shard.retain(|registration| registration.user_id != user_id);
            Ok::<_, StoreError>((shard, ()))
        };
        Ok(self.store.update(&shard_key(shard_of(user_id)), remove).await?)
    }

    /// Tells others of an account that has its address. Idempotent.
    pub(super) async fn announce(&self, user_id: &str) -> Result<(), Error> {
        let (key, now_ms) = (user_key(user_id), self.environment.now_ms());
        let announce = |user: Option<User>| {
            let mut user = user.ok_or(Error::NoSuchUser)?;
            user.announce(now_ms)?;
            Ok::<_, Error>((user, ()))
        };
        self.store.update(&key, announce).await?;
        self.relay().flush::<User>(&key).await.map(drop).map_err(|error| match error {
            RelayError::Store(error) => Error::Store(error),
            RelayError::Publish(error) => Error::Store(StoreError::Unavailable(error.to_string())),
        })
    }

    /// Announces what a crash left unannounced, and publishes what it left unpublished.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let now_ms = self.environment.now_ms();
        let mut swept = Swept::default();
        for number in 0..SHARDS {
            let shard: Option<Vec<Registration>> = self.store.read(&shard_key(number)).await?;
            for registration in shard.unwrap_or_default() {
                match self.mend(&registration, now_ms).await {
                    Ok(Mended::Announced) => swept.announced += 1,
                    Ok(Mended::Dropped) => {}
                    Ok(Mended::Waiting) => swept.waiting += 1,
                    Err(error) => {
                        eprintln!("{}: {error:?}", registration.user_id);
                        swept.waiting += 1;
                    }
                }
            }
        }
        swept.changes = self.relay().sweep::<User>(now_ms, SWEEP_KEYS_MAX).await?;
        Ok(swept)
    }

    /// Takes away what was written of an account that will never have its address: nobody
    /// could ask for it, and it holds personal data.
    pub(super) async fn discard(&self, user_id: &str) -> Result<(), StoreError> {
        self.store.delete(&grants_key(user_id)).await?;
        self.store.delete(&user_key(user_id)).await
    }

    async fn mend(&self, registration: &Registration, now_ms: u64) -> Result<Mended, Error> {
        let Registration { user_id, address_key, begun_ms } = registration;
        let mended = match self.store.read::<Owner>(address_key).await? {
            Some(owner) if owner.user_id == *user_id => {
                self.announce(user_id).await?;
                Mended::Announced
            }
            // Somebody else has the address: this account will never be one.
            Some(_) => {
                self.discard(user_id).await?;
                Mended::Dropped
            }
            None if now_ms.saturating_sub(*begun_ms) < REGISTRATION_AGE_MS => {
                return Ok(Mended::Waiting);
            }
            // It died before it claimed the address, and won't any more.
            None => {
                self.discard(user_id).await?;
                Mended::Dropped
            }
        };
        self.end_registration(user_id).await?;
        Ok(mended)
    }
}

enum Mended {
    Announced,
    Dropped,
    Waiting,
}

fn shard_of(user_id: &str) -> u8 {
    let sum = user_id.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    sum % SHARDS
}

fn shard_key(number: u8) -> String {
    format!("registrations/{number}")
}
