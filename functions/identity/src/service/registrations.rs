//! Registrations in progress, so that they can be finished after a crash.
//!
//! An account counts from the moment that it has claimed its address, in another value. No
//! outbox can hold an event for that moment: before it there may never be an account, after it
//! the process may be dead. So the id of every account that is being made is noted first, and
//! a sweep looks at what came of those that are still noted: who has their address is
//! announced.

use super::accounts::Owner;
use super::notes::Note;
use super::{Error, Identity, grants_key, user_key};
use crate::domain::user::User;
use crate::ports::Environment;
use chassis::outbox::RelayError;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// After this time no registration goes on any more. Milliseconds.
pub const REGISTRATION_AGE_MS: u64 = 600_000;
/// After this time a registration claims no address any more, in milliseconds. The rest of
/// [`REGISTRATION_AGE_MS`] is for the claim to arrive and for clocks that differ: an address
/// must never lead to an account that a sweep takes away.
pub(super) const CLAIM_AGE_MS: u64 = REGISTRATION_AGE_MS / 2;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Registration {
    user_id: String,
    address_key: String,
    begun_ms: u64,
}

impl Note for Registration {
    const KIND: &'static str = "registrations";
    const SHARDS: u8 = 16;

    fn name(&self) -> &str {
        &self.user_id
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    pub(super) async fn begin_registration(&self, user: &User) -> Result<(), Error> {
        self.note(&Registration {
            user_id: user.id.clone(),
            address_key: super::accounts::email_key(&user.email),
            begun_ms: user.created_at_ms,
        })
        .await
    }

    pub(super) async fn end_registration(&self, user_id: &str) -> Result<(), Error> {
        self.done::<Registration>(user_id).await
    }

    /// Tells others of an account that has its address. Idempotent.
    pub(super) async fn announce(&self, user_id: &str) -> Result<(), Error> {
        let (key, now_ms) = (user_key(user_id), self.environment.now_ms());
        let chance = self.random()?;
        let announce = |user: Option<User>| {
            let mut user = user.ok_or(Error::NoSuchUser)?;
            user.announce(&chance, now_ms)?;
            Ok::<_, Error>((user, ()))
        };
        self.store.update(&key, announce).await?;
        self.relay().flush::<User>(&key).await.map(drop).map_err(|error| match error {
            RelayError::Store(error) => Error::Store(error),
            RelayError::Publish(error) => Error::Store(StoreError::Unavailable(error.to_string())),
        })
    }

    /// Processes the noted registrations. Returns the numbers of published and of pending ones.
    pub(super) async fn finish_registrations(&self, now_ms: u64) -> Result<(usize, usize), Error> {
        let (mut announced, mut waiting) = (0, 0);
        for registration in self.noted::<Registration>().await? {
            match self.finish(&registration, now_ms).await {
                Ok(Finished::Announced) => announced += 1,
                Ok(Finished::Dropped) => {}
                Ok(Finished::Waiting) => waiting += 1,
                Err(error) => {
                    eprintln!("{}: {error:?}", registration.user_id);
                    waiting += 1;
                }
            }
        }
        Ok((announced, waiting))
    }

    /// Takes away what was written of an account that will never have its address: nobody
    /// could ask for it, and it holds personal data.
    pub(super) async fn discard(&self, user_id: &str) -> Result<(), StoreError> {
        self.store.delete(&grants_key(user_id)).await?;
        self.store.delete(&user_key(user_id)).await
    }

    async fn finish(&self, registration: &Registration, now_ms: u64) -> Result<Finished, Error> {
        let Registration { user_id, address_key, begun_ms } = registration;
        let account: Option<User> = self.store.read(&user_key(user_id)).await?;
        if account.is_some_and(|user| user.deleted_at_ms.is_some()) {
            // It was an account, and its deletion may still have to be published.
            self.end_registration(user_id).await?;
            return Ok(Finished::Dropped);
        }
        let owner = self.store.read::<Owner>(address_key).await?.filter(|owner| !owner.is_none());
        let finished = match owner {
            Some(owner) if owner.user_id == *user_id => {
                self.announce(user_id).await?;
                Finished::Announced
            }
            // Somebody else has the address: this account will never be one.
            Some(_) => {
                self.discard(user_id).await?;
                Finished::Dropped
            }
            None if now_ms.saturating_sub(*begun_ms) < REGISTRATION_AGE_MS => {
                return Ok(Finished::Waiting);
            }
            // It died before it claimed the address, and won't any more.
            None => {
                self.discard(user_id).await?;
                Finished::Dropped
            }
        };
        self.end_registration(user_id).await?;
        Ok(finished)
    }
}

enum Finished {
    Announced,
    Dropped,
    Waiting,
}
