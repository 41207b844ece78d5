//! The third-party applications that a user has authorized.

use super::{Error, Identity, grants_key};
use crate::domain::grants::{Consent, Grants};
use crate::ports::Environment;
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// The consents of a user, newest first.
    pub async fn consents(&self, user_id: &str) -> Result<Vec<Consent>, Error> {
        let grants: Option<Grants> = self.store.read(&grants_key(user_id)).await?;
        Ok(grants.ok_or(Error::NoSuchUser)?.consents())
    }

    /// Withdraws a user's consent to an application and ends its sessions and codes.
    pub async fn withdraw_consent(&self, user_id: &str, client_id: &str) -> Result<(), Error> {
        self.update_grants(user_id, |grants| grants.withdraw(client_id)).await
    }
}
