//! Pending registrations, so that they can be finished after a crash.
//!
//! An account exists from the moment when it has claimed its address, in another value. No outbox
//! can hold an event for that moment: before it, there may never be an account; after it, the
//! process may have crashed. So the id of each new account is first added to a list, and a sweep
//! announces those accounts on the list that have their address.

use super::{Error, Identity, SWEEP_ENTRIES_MAX};
use crate::domain::user::User;
use crate::ports::Environment;
use crate::records::{Owner, Pending, REGISTRATIONS, grants_key, user_key};
use chassis::outbox::RelayError;
use chassis::store::{Store, StoreError};
use chassis::worklist::{Group, Outcome, Worklist};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// After this time, no registration continues. Milliseconds.
pub const REGISTRATION_AGE_MS: u64 = 600_000;
/// After this time, a registration claims no address. Milliseconds. The rest of
/// [`REGISTRATION_AGE_MS`] is for the claim to arrive and for clocks that differ: an address must
/// never lead to an account that a sweep removes.
pub(super) const CLAIM_AGE_MS: u64 = REGISTRATION_AGE_MS / 2;

impl<S: Store, E: Environment> Identity<S, E> {
    pub(super) async fn begin_registration(&self, user: &User) -> Result<(), Error> {
        Ok(self.registrations().put(&Pending::new(user, user.created_at_ms)).await?)
    }

    pub(super) async fn end_registration(&self, user_id: &str) -> Result<(), Error> {
        Ok(self.registrations().remove(user_id).await?)
    }

    /// Publishes the registration of an account that has its address. Idempotent.
    pub(super) async fn announce(&self, user_id: &str) -> Result<(), Error> {
        let (key, now_ms) = (user_key(user_id), self.now_ms());
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

    /// Processes the pending registrations. Returns the numbers of published and of pending ones.
    pub(super) async fn finish_registrations(&self, now_ms: u64) -> Result<(usize, usize), Error> {
        let announced = &AtomicUsize::new(0);
        let finish = |group: Group<Pending>| async move {
            for pending in &group.entries {
                let user_id = pending.user_id.as_str();
                let account: Option<User> = self.store.read(&user_key(user_id)).await?;
                if account.is_some_and(|user| user.is_deleted()) {
                    // It was an account, whose deletion may still have to be published.
                    continue;
                }
                let owner: Option<Owner> = self.store.read(&pending.address_key).await?;
                let owner = owner.filter(|owner| !owner.is_none());
                let is_young = group.older(REGISTRATION_AGE_MS, now_ms).is_empty();
                match owner {
                    Some(owner) if owner.user_id == user_id => {
                        self.announce(user_id).await?;
                        announced.fetch_add(1, Relaxed);
                    }
                    None if is_young => return Ok(Outcome::Left),
                    // Another account has the address, or the registration has crashed.
                    _ => self.discard(user_id).await?,
                }
            }
            Ok::<_, Error>(Outcome::Finished)
        };
        let swept = self.registrations().sweep(now_ms, SWEEP_ENTRIES_MAX, finish).await?;
        Ok((announced.load(Relaxed), swept.left))
    }

    /// Removes an account that will never have its address: it has personal data, and can't be
    /// found.
    pub(super) async fn discard(&self, user_id: &str) -> Result<(), StoreError> {
        self.store.delete(&grants_key(user_id)).await?;
        self.store.delete(&user_key(user_id)).await
    }

    fn registrations(&self) -> Worklist<S, Pending> {
        Worklist::new(self.store.clone(), REGISTRATIONS)
    }
}
