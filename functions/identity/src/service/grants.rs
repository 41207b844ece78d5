//! Ending one session, or all sessions of a user.

use super::passwords::existing;
use super::{Error, Identity, user_key};
use crate::domain::refresh::RefreshToken;
use crate::domain::user::User;
use crate::ports::Environment;
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// Ends the session of a refresh token. Succeeds if there is none (RFC 7009 section 2.2), and
    /// has no effect if the token was issued to another client.
    pub async fn revoke(&self, token: &str, client_id: Option<&str>) -> Result<(), Error> {
        let Some(token) = RefreshToken::parse(token) else { return Ok(()) };
        match self.user(&token.user_id).await {
            Err(Error::NoSuchUser) => return Ok(()),
            other => other?,
        };
        match self.update_grants(&token.user_id, |grants| grants.revoke(&token, client_id)).await {
            Err(Error::NoSuchUser) => Ok(()),
            other => other,
        }
    }

    /// Ends all sessions of an account, including those of third-party applications and their
    /// pending codes. It is one write, so it is atomic.
    pub async fn end_sessions(&self, id: &str) -> Result<(), Error> {
        if !chassis::id::is("usr", id) {
            return Err(Error::NoSuchUser);
        }
        let now_ms = self.environment.now_ms();
        let end = |user: Option<User>| {
            let mut user = existing(user)?;
            user.end_sessions(now_ms);
            Ok::<_, Error>((user, ()))
        };
        self.relay().change(&user_key(id), end).await
    }
}
