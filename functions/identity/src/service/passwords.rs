//! Choosing, checking, changing and resetting passwords.

use super::mails::Reason;
use super::{Error, Identity, user_key};
use crate::domain::email::Email;
use crate::domain::reset::{ResetToken, Resets};
use crate::domain::user::{ROLE_ADMIN, User};
use crate::ports::{Environment, Passwords};
use chassis::store::Store;
use serde_json::json;

/// The template of the mail that says that a password was changed.
const CHANGED_TEMPLATE: &str = "password-changed";

impl<S: Store, E: Environment> Identity<S, E> {
    /// Changes the password, if the current one is right. All sessions end.
    pub async fn change_password(&self, id: &str, current: &str, new: &str) -> Result<(), Error> {
        let user = self.managing_themselves(id).await?;
        self.check_password(&user, current).await?;
        self.check_strength(new, &user.email, &user.name).await?;
        let is_same = |there: &User, _| there.password_hash == user.password_hash;
        self.set_password(id, new, is_same).await?.ok_or(Error::WrongPassword)
    }

    /// Requests a mail with a token, if the address has an account. A sweep does the work, so that
    /// the request does not reveal whether there is an account.
    pub async fn ask_for_reset(&self, email: &Email) -> Result<(), Error> {
        self.ask_for_mail(email, Reason::Reset).await
    }

    /// Sets the password with a token from a mail. The token can be used once, and all sessions
    /// end.
    pub async fn reset_password(&self, token: &str, new: &str) -> Result<(), Error> {
        let token = ResetToken::parse(token).ok_or(Error::BadReset)?;
        let user = self.managing_themselves(&token.user_id).await.map_err(|error| match error {
            Error::NoSuchUser | Error::Managed => Error::BadReset,
            other => other,
        })?;
        if !user.resets.has(&token, self.environment.now_ms()) {
            return Err(Error::BadReset);
        }
        self.check_strength(new, &user.email, &user.name).await?;
        let has_token = |there: &User, now_ms| there.resets.has(&token, now_ms);
        self.set_password(&user.id, new, has_token).await?.ok_or(Error::BadReset)
    }

    /// The account, if its password is not set by configuration.
    pub(super) async fn managing_themselves(&self, id: &str) -> Result<User, Error> {
        let user = self.user(id).await?;
        match self.admin(&user.email).await? {
            Some(_) => Err(Error::Managed),
            None => Ok(user),
        }
    }

    pub(super) async fn check_password(&self, user: &User, password: &str) -> Result<(), Error> {
        let verdict = self.passwords().verify(password, Some(&user.password_hash)).await?;
        if verdict.matches { Ok(()) } else { Err(Error::WrongPassword) }
    }

    pub(super) async fn check_strength(
        &self,
        password: &str,
        email: &Email,
        name: &str,
    ) -> Result<(), Error> {
        let local = email.as_str().split('@').next().unwrap_or_default();
        let about = [email.as_str(), local, name];
        match self.passwords().weakness(password, &about).await? {
            Some(reason) => Err(Error::WeakPassword(reason)),
            None => Ok(()),
        }
    }

    /// Takes as long as a verification.
    pub(super) async fn refuse(&self, password: &str) -> Error {
        match self.passwords().verify(password, None).await {
            Ok(_) => Error::WrongCredentials,
            Err(busy) => busy.into(),
        }
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, Error> {
        Ok(self.passwords().hash(password).await?)
    }

    pub(super) fn passwords(&self) -> E::Passwords {
        self.environment.passwords()
    }

    /// Sets the password and ends all sessions, if `holds` is still true for the account.
    async fn set_password(
        &self,
        id: &str,
        password: &str,
        holds: impl Fn(&User, u64) -> bool + Send + Sync,
    ) -> Result<Option<()>, Error> {
        let (hash, chance) = (self.hash(password).await?, self.random()?);
        let now_ms = self.environment.now_ms();
        let set = |user: Option<User>| {
            let mut user = existing(user)?;
            if !holds(&user, now_ms) {
                return Ok((user, None));
            }
            renew(&mut user, &hash, now_ms);
            user.tell_mail(CHANGED_TEMPLATE, &json!({}), &chance, now_ms)?;
            Ok::<_, Error>((user, Some(())))
        };
        self.relay().change(&user_key(id), set).await
    }

    /// Gives this account the configured password and makes it an administrator.
    pub(super) async fn take_over(&self, id: &str, password: &str) -> Result<User, Error> {
        let (hash, chance) = (self.hash(password).await?, self.random()?);
        let now_ms = self.environment.now_ms();
        let set = |user: Option<User>| {
            let mut user = existing(user)?;
            renew(&mut user, &hash, now_ms);
            if !user.has(ROLE_ADMIN) {
                user.grant(ROLE_ADMIN);
                user.tell_update(&chance, now_ms)?;
            }
            Ok::<_, Error>((user.clone(), user))
        };
        self.relay().change(&user_key(id), set).await
    }

    /// Hashes the password with the current parameters, if it is still the password.
    pub(super) async fn hash_anew(&self, user: User, password: &str) -> Result<User, Error> {
        let hash = self.hash(password).await?;
        let set = |there: Option<User>| {
            let mut there = existing(there)?;
            if there.password_hash == user.password_hash {
                there.password_hash.clone_from(&hash);
            }
            Ok::<_, Error>((there.clone(), there))
        };
        self.relay().change(&user_key(&user.id), set).await
    }
}

/// Sets a new password and ends all sessions.
fn renew(user: &mut User, hash: &str, now_ms: u64) {
    user.password_hash = hash.to_owned();
    user.end_sessions(now_ms);
    user.resets = Resets::default();
}

/// The account to change, unless it was deleted in the meantime.
pub(super) fn existing(user: Option<User>) -> Result<User, Error> {
    user.filter(|user| user.deleted_at_ms.is_none()).ok_or(Error::NoSuchUser)
}
