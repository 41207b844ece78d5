//! Accounts: registering, signing in, and the administrator that the settings name.

use super::registrations::CLAIM_AGE_MS;
use super::{Error, Identity, grants_key, user_key};
use crate::domain::email::Email;
use crate::domain::encoding::{base64url, equal, sha256};
use crate::domain::grants::Grants;
use crate::domain::password;
use crate::domain::user::{LANGUAGE_DEFAULT, ROLE_ADMIN, ROLE_CUSTOMER, User};
use crate::ports::{Admin, Environment};
use chassis::outbox::Outbox;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// What a person fills in, already checked for its shape.
#[derive(Clone, Debug)]
pub struct Registration {
    pub email: Email,
    pub password: String,
    pub name: String,
    pub language: String,
}

/// Which account an address belongs to.
#[derive(Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) user_id: String,
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Makes an account. The administrator's address is never free: whoever registered it
    /// first would own the shop.
    pub async fn register(&self, registration: Registration) -> Result<User, Error> {
        let reserved = self.settings().await?.admin.map(|admin| admin.email);
        if reserved.as_ref() == Some(&registration.email)
            || self.find(&registration.email).await?.is_some()
        {
            return Err(Error::EmailTaken);
        }
        self.create(registration, &[ROLE_CUSTOMER]).await?.ok_or(Error::EmailTaken)
    }

    /// The account with this address and password. Costs one hash, whatever is wrong.
    pub async fn sign_in(&self, email: Option<&Email>, password: &str) -> Result<User, Error> {
        let Some(email) = email else { return Err(refuse(password)) };
        let admin = self.settings().await?.admin.filter(|admin| admin.email == *email);
        if let Some(admin) = admin {
            return self.sign_in_admin(admin, password).await;
        }
        let Some(user) = self.find(email).await? else { return Err(refuse(password)) };
        if !matches(password, Some(&user.password_hash)) {
            return Err(Error::WrongCredentials);
        }
        if password::is_outdated(&user.password_hash) {
            return self.set_password(&user.id, password, &[]).await;
        }
        Ok(user)
    }

    /// The administrator's password is the one in the settings; their account is brought in
    /// line with it when they come.
    async fn sign_in_admin(&self, admin: Admin, password: &str) -> Result<User, Error> {
        if !equal(&sha256(password.as_bytes()), &sha256(admin.password.as_bytes())) {
            return Err(refuse(password));
        }
        let Some(user) = self.find(&admin.email).await? else {
            let email = admin.email.clone();
            let registration = Registration {
                email: admin.email,
                password: admin.password,
                name: "Administrator".to_owned(),
                language: LANGUAGE_DEFAULT.to_owned(),
            };
            // Who comes second finds what the first one made.
            let created = self.create(registration, &[ROLE_CUSTOMER, ROLE_ADMIN]).await?;
            return match created {
                Some(user) => Ok(user),
                None => self.find(&email).await?.ok_or(Error::WrongCredentials),
            };
        };
        if user.has(ROLE_ADMIN) && password::verify(&admin.password, Some(&user.password_hash)) {
            return Ok(user);
        }
        // Sessions first: were the password first, a crash would leave those of the old one.
        self.store
            .update(&grants_key(&user.id), |grants: Option<Grants>| {
                let mut grants = grants.unwrap_or_default();
                grants.revoke_all();
                Ok::<_, StoreError>((grants, ()))
            })
            .await?;
        self.set_password(&user.id, &admin.password, &[ROLE_ADMIN]).await
    }

    /// The account with this address.
    async fn find(&self, email: &Email) -> Result<Option<User>, Error> {
        let Some(owner) = self.store.read::<Owner>(&email_key(email)).await? else {
            return Ok(None);
        };
        Ok(self.store.read(&user_key(&owner.user_id)).await?)
    }

    /// Writes the account under an id of its own, then claims the address for it: a crash in
    /// between leaves an account that nobody can find, and an address that is still free. Only
    /// when the address is claimed are others told of the account; should that be cut off, a
    /// sweep finds the account among the registrations.
    /// `None` if somebody else claimed the address first. A registration that took too long
    /// claims nothing: the sweep may have taken its account away.
    async fn create(
        &self,
        registration: Registration,
        roles: &[&str],
    ) -> Result<Option<User>, Error> {
        let user = User {
            id: chassis::id::new("usr"),
            email: registration.email,
            name: registration.name,
            language: registration.language,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            password_hash: self.hash(&registration.password)?,
            created_at_ms: self.environment.now_ms(),
            outbox: Outbox::default(),
        };
        self.begin_registration(&user).await?;
        self.store.create(&user_key(&user.id), &user).await?;
        self.store.create(&grants_key(&user.id), &Grants::default()).await?;
        let owner = Owner { user_id: user.id.clone() };
        let in_time = self.environment.now_ms().saturating_sub(user.created_at_ms) < CLAIM_AGE_MS;
        let claimed = in_time && self.store.create_guarded(&email_key(&user.email), &owner).await?;
        if !claimed {
            self.discard(&user.id).await?;
        }
        // Whatever comes of telling others: the account is there, and a sweep tells them.
        let told = if claimed { self.announce(&user.id).await } else { Ok(()) };
        let ended = match told {
            Ok(()) => self.end_registration(&user.id).await,
            error => error,
        };
        if let Err(error) = ended {
            eprintln!("{} is left to a sweep: {error:?}", user.id);
        }
        if !in_time {
            return Err(StoreError::Unavailable("the registration took too long".to_owned()).into());
        }
        Ok(claimed.then_some(user))
    }

    async fn set_password(&self, id: &str, password: &str, roles: &[&str]) -> Result<User, Error> {
        let hash = self.hash(password)?;
        let now_ms = self.environment.now_ms();
        let set = |user: Option<User>| {
            let mut user = user.ok_or(Error::NoSuchUser)?;
            user.password_hash.clone_from(&hash);
            let before = user.roles.len();
            roles.iter().for_each(|role| user.grant(role));
            if user.roles.len() != before {
                user.tell_update(now_ms)?;
            }
            Ok((user.clone(), user))
        };
        self.relay().change(&user_key(id), set).await
    }

    fn hash(&self, password: &str) -> Result<String, Error> {
        password::hash(password, &self.random()?)
            .ok_or_else(|| Error::Misconfigured("Argon2 refused its parameters".to_owned()))
    }
}

fn matches(password: &str, stored: Option<&str>) -> bool {
    password.len() <= password::BYTES_MAX && password::verify(password, stored)
}

/// Takes as long as a comparison does.
fn refuse(password: &str) -> Error {
    matches(password, None);
    Error::WrongCredentials
}

/// Hashed, so that a key has one length and no address appears in a list of keys.
pub(super) fn email_key(email: &Email) -> String {
    format!("email/{}", base64url(&sha256(email.as_str().as_bytes())))
}
