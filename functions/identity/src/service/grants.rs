//! What a user has granted: ending sessions, and consents to third-party applications.

use super::{Error, Identity};
use crate::domain::grants::{Consent, Grants};
use crate::domain::refresh::RefreshToken;
use crate::ports::Environment;
use crate::records::grants_key;
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// Ends the session of a refresh token. Succeeds if there is none (RFC 7009 section 2.2), and
    /// has no effect if the token was issued to another client.
    pub async fn revoke(&self, token: &str, client_id: Option<&str>) -> Result<(), Error> {
        let Some(token) = RefreshToken::parse(token) else { return Ok(()) };
        let revoked = match self.user(&token.user_id).await {
            Ok(user) => {
                let revoke = |grants: &mut Grants| grants.revoke(&token, client_id);
                self.update_grants(&user.id, Error::NoSuchUser, revoke).await
            }
            Err(error) => Err(error),
        };
        match revoked {
            Err(Error::NoSuchUser) => Ok(()),
            other => other,
        }
    }

    /// Ends all sessions of an account, including those of third-party applications and their
    /// pending codes. It is one write, so it is atomic.
    pub async fn end_sessions(&self, id: &str) -> Result<(), Error> {
        let now_ms = self.now_ms();
        self.update_user(id, |user| {
            user.end_sessions(now_ms);
            Ok(())
        })
        .await
    }

    /// The consents of a user, newest first.
    pub async fn consents(&self, user_id: &str) -> Result<Vec<Consent>, Error> {
        let grants: Option<Grants> = self.store.read(&grants_key(user_id)).await?;
        Ok(grants.ok_or(Error::NoSuchUser)?.consents())
    }

    /// Withdraws a user's consent to an application and ends its sessions and codes.
    pub async fn withdraw_consent(&self, user_id: &str, client_id: &str) -> Result<(), Error> {
        let withdraw = |grants: &mut Grants| grants.withdraw(client_id);
        self.update_grants(user_id, Error::NoSuchUser, withdraw).await
    }

    /// Changes a user's grants. They exist as long as the account and are not created again after
    /// its deletion: then this fails with `absent`.
    pub(super) async fn update_grants<R: Send>(
        &self,
        user_id: &str,
        absent: Error,
        mut change: impl FnMut(&mut Grants) -> R + Send,
    ) -> Result<R, Error> {
        let change = |grants: Option<Grants>| {
            let mut grants = grants.ok_or_else(|| absent.clone())?;
            let result = change(&mut grants);
            Ok::<_, Error>((grants, result))
        };
        self.store.update(&grants_key(user_id), change).await
    }
}
