//! Deleting an account.
//!
//! The account's own value decides: one write erases the personal data, with the key that seals it
//! in events, and adds the deletion event to the outbox. References to the account are removed
//! afterwards; a note lets a sweep finish this.

use super::accounts::{Owner, email_key};
use super::notes::Note;
use super::{Error, Identity, grants_key, user_key};
use crate::domain::user::User;
use crate::ports::Environment;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// After this time, a noted deletion that did not happen is dropped. Milliseconds.
const DELETION_AGE_MAX_MS: u64 = 600_000;

#[derive(Clone, Serialize, Deserialize)]
struct Deletion {
    user_id: String,
    address_key: String,
    begun_ms: u64,
}

impl Note for Deletion {
    const KIND: &'static str = "deletions";
    const SHARDS: u8 = 4;

    fn name(&self) -> &str {
        &self.user_id
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Deletes an account, if the password is right.
    pub async fn delete_account(&self, id: &str, password: &str) -> Result<(), Error> {
        let user = self.managing_themselves(id).await?;
        self.check_password(&user, password).await?;
        let begun_ms = self.environment.now_ms();
        let address_key = email_key(&user.email);
        let deletion = Deletion { user_id: user.id.clone(), address_key, begun_ms };
        self.note(&deletion).await?;
        let delete = |there: Option<User>| {
            let mut there = there.ok_or(Error::NoSuchUser)?;
            if there.deleted_at_ms.is_none() && there.password_hash != user.password_hash {
                return Err(Error::WrongPassword);
            }
            there.delete(begun_ms)?;
            Ok::<_, Error>((there, ()))
        };
        self.relay().change(&user_key(id), delete).await?;
        // The personal data is erased; the rest is done now or by a sweep.
        if let Err(error) = self.clear(&deletion).await {
            eprintln!("the deletion of {id} will be finished by a sweep: {error:?}");
        }
        Ok(())
    }

    /// Removes references to deleted accounts. Returns the number of pending deletions.
    pub(super) async fn finish_deletions(&self, now_ms: u64) -> Result<usize, Error> {
        let mut waiting = 0;
        for deletion in self.noted::<Deletion>().await? {
            match self.finish_deletion(&deletion, now_ms).await {
                Ok(true) => {}
                Ok(false) => waiting += 1,
                // A failing deletion must not stop the others.
                Err(error) => {
                    eprintln!("the deletion of {} is still pending: {error:?}", deletion.user_id);
                    waiting += 1;
                }
            }
        }
        Ok(waiting)
    }

    /// Returns whether the deletion is finished.
    async fn finish_deletion(&self, deletion: &Deletion, now_ms: u64) -> Result<bool, Error> {
        let user: Option<User> = self.store.read(&user_key(&deletion.user_id)).await?;
        let is_gone = user.is_none_or(|user| user.deleted_at_ms.is_some());
        if is_gone {
            self.clear(deletion).await?;
            return Ok(true);
        }
        let is_old = now_ms.saturating_sub(deletion.begun_ms) > DELETION_AGE_MAX_MS;
        if is_old {
            self.done::<Deletion>(&deletion.user_id).await?;
        }
        Ok(is_old)
    }

    async fn clear(&self, deletion: &Deletion) -> Result<(), Error> {
        let free = |owner: Option<Owner>| {
            let owner = owner.filter(|owner| owner.user_id != deletion.user_id);
            Ok::<_, StoreError>((owner.unwrap_or(Owner { user_id: String::new() }), ()))
        };
        self.store.update(&deletion.address_key, free).await?;
        self.store.delete(&grants_key(&deletion.user_id)).await?;
        self.done::<Deletion>(&deletion.user_id).await
    }
}
