//! Checking, changing and resetting passwords, and counting attempts.

use super::mails::Reason;
use super::{Error, Identity};
use crate::domain::email::Email;
use crate::domain::reset::{ResetToken, Resets};
use crate::domain::secret::sha256;
use crate::domain::user::{ROLE_ADMIN, User};
use crate::ports::Environment;
use chassis::Problem;
use chassis::quota::{Check, Rates, counted};
use chassis::store::Store;
use data_encoding::HEXLOWER;
use serde_json::json;

/// The template of the mail that says that a password was changed.
const CHANGED_TEMPLATE: &str = "password-changed";

impl<S: Store, E: Environment> Identity<S, E> {
    /// Counts one attempt from this address at this account, which is an e-mail address or the id
    /// of the signed-in user, if it is known. Call it before checking a password. The gateway can't
    /// count these attempts: it would have to parse the body in exactly the same way.
    ///
    /// # Errors
    /// 429 if there were too many; 500 without settings.
    pub(crate) async fn count_attempt(
        &self,
        address: &str,
        account: &str,
    ) -> Result<Rates, Problem> {
        let check = self.settings().await?.quotas.map(|quotas| {
            // The limiter's keys contain no plain addresses.
            let digest = sha256(account.trim().to_ascii_lowercase().as_bytes());
            let key = format!("{}|{}", counted(address), HEXLOWER.encode(&digest[..16]));
            Check::one("credentials", key, quotas.credentials)
        });
        Rates::count(&self.environment, check).await
    }

    /// Changes the password, if the current one is right. All sessions end.
    pub async fn change_password(&self, id: &str, current: &str, new: &str) -> Result<(), Error> {
        let user = self.self_managed(id).await?;
        self.check_password(&user, current).await?;
        self.check_strength(new, &user.email, &user.name).await?;
        let is_same = |current: &User, _| current.password_hash == user.password_hash;
        self.set_password(id, new, is_same, Error::WrongPassword).await
    }

    /// Requests a mail with a token, if the address has an account. A sweep does the work, so that
    /// the request does not reveal whether there is an account.
    pub async fn request_password_reset(&self, email: &Email) -> Result<(), Error> {
        self.queue_mail(email, Reason::Reset).await
    }

    /// Sets the password with a token from a mail. The token can be used once, and all sessions
    /// end.
    pub async fn reset_password(&self, token: &str, new: &str) -> Result<(), Error> {
        let token = ResetToken::parse(token).ok_or(Error::BadReset)?;
        let user = self.self_managed(&token.user_id).await.map_err(|error| match error {
            Error::NoSuchUser | Error::Managed => Error::BadReset,
            other => other,
        })?;
        if !user.resets.has(&token, self.now_ms()) {
            return Err(Error::BadReset);
        }
        self.check_strength(new, &user.email, &user.name).await?;
        let has_token = |current: &User, now_ms| current.resets.has(&token, now_ms);
        self.set_password(&user.id, new, has_token, Error::BadReset).await
    }

    /// The account, if its password is not set by configuration.
    pub(super) async fn self_managed(&self, id: &str) -> Result<User, Error> {
        let user = self.user(id).await?;
        match self.admin(&user.email).await? {
            Some(_) => Err(Error::Managed),
            None => Ok(user),
        }
    }

    pub(super) async fn check_password(&self, user: &User, password: &str) -> Result<(), Error> {
        let verdict = self.environment.verify(password, Some(&user.password_hash)).await?;
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
        match self.environment.weakness(password, &about).await? {
            Some(reason) => Err(Error::WeakPassword(reason)),
            None => Ok(()),
        }
    }

    /// The error for wrong credentials. Takes as long as a verification.
    pub(super) async fn refuse(&self, password: &str) -> Error {
        match self.environment.verify(password, None).await {
            Ok(_) => Error::WrongCredentials,
            Err(busy) => busy.into(),
        }
    }

    /// Sets the password and ends all sessions, if `holds` is still true for the account, or else
    /// fails with `refusal`.
    async fn set_password(
        &self,
        id: &str,
        password: &str,
        holds: impl Fn(&User, u64) -> bool + Send + Sync,
        refusal: Error,
    ) -> Result<(), Error> {
        let (hash, chance) = (self.environment.hash(password).await?, self.random()?);
        let now_ms = self.now_ms();
        self.update_user(id, |user| {
            if !holds(user, now_ms) {
                return Err(refusal.clone());
            }
            renew(user, &hash, now_ms);
            Ok(user.request_mail(CHANGED_TEMPLATE, &json!({}), &chance, now_ms)?)
        })
        .await
    }

    /// Gives this account the configured password and makes it an administrator.
    pub(super) async fn take_over(&self, id: &str, password: &str) -> Result<User, Error> {
        let (hash, chance) = (self.environment.hash(password).await?, self.random()?);
        let now_ms = self.now_ms();
        self.update_user(id, |user| {
            renew(user, &hash, now_ms);
            if !user.has(ROLE_ADMIN) {
                user.roles.push(ROLE_ADMIN.to_owned());
                user.push_update(&chance, now_ms)?;
            }
            Ok(user.clone())
        })
        .await
    }

    /// Hashes the password with the current parameters, if it is still the password.
    pub(super) async fn rehash(&self, user: User, password: &str) -> Result<User, Error> {
        let hash = self.environment.hash(password).await?;
        self.update_user(&user.id, |current| {
            if current.password_hash == user.password_hash {
                current.password_hash.clone_from(&hash);
            }
            Ok(current.clone())
        })
        .await
    }
}

/// Sets a new password and ends all sessions.
fn renew(user: &mut User, hash: &str, now_ms: u64) {
    user.password_hash = hash.to_owned();
    user.end_sessions(now_ms);
    user.resets = Resets::default();
}
