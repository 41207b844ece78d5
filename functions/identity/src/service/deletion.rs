//! Deleting an account.
//!
//! The account's own value decides: one write erases the personal data, with the key that seals it
//! in events, and adds the deletion event to the outbox. References to the account are removed
//! afterwards; a list of pending deletions lets a sweep finish this.

use super::{Error, Identity, SWEEP_ENTRIES_MAX};
use crate::domain::user::User;
use crate::ports::Environment;
use crate::records::{DELETIONS, Owner, Pending, grants_key, user_key};
use chassis::store::{Store, StoreError};
use chassis::worklist::{Group, Outcome, Worklist};

/// After this time, a pending deletion that did not happen is dropped. Milliseconds.
const DELETION_AGE_MAX_MS: u64 = 600_000;

impl<S: Store, E: Environment> Identity<S, E> {
    /// Deletes an account, if the password is right.
    pub async fn delete_account(&self, id: &str, password: &str) -> Result<(), Error> {
        let user = self.self_managed(id).await?;
        self.check_password(&user, password).await?;
        let begun_ms = self.now_ms();
        let deletion = Pending::new(&user, begun_ms);
        self.deletions().put(&deletion).await?;
        let delete = |current: Option<User>| {
            let mut current = current.ok_or(Error::NoSuchUser)?;
            if !current.is_deleted() && current.password_hash != user.password_hash {
                return Err(Error::WrongPassword);
            }
            current.delete(begun_ms)?;
            Ok::<_, Error>((current, ()))
        };
        self.relay().change(&user_key(id), delete).await?;
        // The personal data is erased; the rest is done now or by a sweep.
        let cleared = match self.clear(&deletion).await {
            Ok(()) => self.deletions().remove(id).await,
            error => error,
        };
        if let Err(error) = cleared {
            eprintln!("the deletion of {id} will be finished by a sweep: {error}");
        }
        Ok(())
    }

    /// Removes references to deleted accounts. Returns the number of pending deletions.
    pub(super) async fn finish_deletions(&self, now_ms: u64) -> Result<usize, Error> {
        let finish = |group: Group<Pending>| async move {
            for deletion in &group.entries {
                let user: Option<User> = self.store.read(&user_key(&deletion.user_id)).await?;
                if user.is_none_or(|user| user.is_deleted()) {
                    self.clear(deletion).await?;
                } else if group.older(DELETION_AGE_MAX_MS, now_ms).is_empty() {
                    return Ok(Outcome::Left);
                }
            }
            Ok::<_, StoreError>(Outcome::Finished)
        };
        Ok(self.deletions().sweep(now_ms, SWEEP_ENTRIES_MAX, finish).await?.left)
    }

    /// Removes the references to an account.
    async fn clear(&self, deletion: &Pending) -> Result<(), StoreError> {
        let free = |owner: Option<Owner>| {
            let owner = owner.filter(|owner| owner.user_id != deletion.user_id);
            Ok::<_, StoreError>((owner.unwrap_or_default(), ()))
        };
        self.store.update(&deletion.address_key, free).await?;
        self.store.delete(&grants_key(&deletion.user_id)).await
    }

    fn deletions(&self) -> Worklist<S, Pending> {
        Worklist::new(self.store.clone(), DELETIONS)
    }
}
