//! Which applications of others a person has let in.

use super::{Error, Identity, grants_key};
use crate::domain::grants::{Consent, Grants};
use crate::ports::Environment;
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// What a person has granted, newest first.
    pub async fn consents(&self, user_id: &str) -> Result<Vec<Consent>, Error> {
        let grants: Option<Grants> = self.store.read(&grants_key(user_id)).await?;
        Ok(grants.ok_or(Error::NoSuchUser)?.consents())
    }

    /// Takes back what a person has granted to an application: its sessions and codes end.
    pub async fn withdraw_consent(&self, user_id: &str, client_id: &str) -> Result<(), Error> {
        self.update_grants(user_id, |grants| grants.withdraw(client_id)).await
    }
}
