//! Accounts: registering, signing in, and the administrator that the settings name.

use super::{Error, Identity, grants_key, user_key};
use crate::domain::email::Email;
use crate::domain::encoding::{base64url, sha256};
use crate::domain::grants::Grants;
use crate::domain::password;
use crate::domain::user::{LANGUAGE_DEFAULT, ROLE_ADMIN, ROLE_CUSTOMER, User};
use crate::ports::{Admin, Environment};
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
struct Owner {
    user_id: String,
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

    /// The account with this address and password.
    pub async fn sign_in(&self, email: Option<&Email>, password: &str) -> Result<User, Error> {
        if let (Some(email), Some(admin)) = (email, self.settings().await?.admin)
            && *email == admin.email
        {
            self.sync_admin(admin).await?;
        }
        let user = match email {
            Some(email) => self.find(email).await?,
            None => None,
        };
        let fits = password.len() <= password::BYTES_MAX;
        let stored = user.as_ref().map(|user| user.password_hash.as_str());
        let matches = fits && password::verify(password, stored);
        let user = user.filter(|_| matches).ok_or(Error::WrongCredentials)?;
        if password::is_outdated(&user.password_hash) {
            return self.set_password(&user.id, password, &[]).await;
        }
        Ok(user)
    }

    /// Brings the administrator's account in line with the settings.
    async fn sync_admin(&self, admin: Admin) -> Result<(), Error> {
        let Some(user) = self.find(&admin.email).await? else {
            let registration = Registration {
                email: admin.email,
                password: admin.password,
                name: "Administrator".to_owned(),
                language: LANGUAGE_DEFAULT.to_owned(),
            };
            self.create(registration, &[ROLE_CUSTOMER, ROLE_ADMIN]).await?;
            return Ok(());
        };
        if user.has(ROLE_ADMIN) && password::verify(&admin.password, Some(&user.password_hash)) {
            return Ok(());
        }
        // Sessions first: were the password first, a crash would leave those of the old one.
        self.store
            .update(&grants_key(&user.id), |grants: Option<Grants>| {
                let mut grants = grants.unwrap_or_default();
                grants.revoke_all();
                Ok::<_, StoreError>((grants, ()))
            })
            .await?;
        self.set_password(&user.id, &admin.password, &[ROLE_ADMIN]).await?;
        Ok(())
    }

    /// The account with this address.
    async fn find(&self, email: &Email) -> Result<Option<User>, Error> {
        let Some(owner) = self.store.read::<Owner>(&email_key(email)).await? else {
            return Ok(None);
        };
        Ok(self.store.read(&user_key(&owner.user_id)).await?)
    }

    /// Writes the account under an id of its own, then claims the address for it: a crash in
    /// between leaves an account that nobody can find, and an address that is still free.
    /// `None` if somebody else claimed it first.
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
        };
        self.store.create(&user_key(&user.id), &user).await?;
        self.store.create(&grants_key(&user.id), &Grants::default()).await?;
        let owner = Owner { user_id: user.id.clone() };
        if self.store.create_guarded(&email_key(&user.email), &owner).await? {
            return Ok(Some(user));
        }
        self.store.delete(&grants_key(&user.id)).await?;
        self.store.delete(&user_key(&user.id)).await?;
        Ok(None)
    }

    async fn set_password(&self, id: &str, password: &str, roles: &[&str]) -> Result<User, Error> {
        let hash = self.hash(password)?;
        self.store
            .update(&user_key(id), |user: Option<User>| {
                let mut user = user.ok_or(Error::NoSuchUser)?;
                user.password_hash.clone_from(&hash);
                roles.iter().for_each(|role| user.grant(role));
                Ok((user.clone(), user))
            })
            .await
    }

    fn hash(&self, password: &str) -> Result<String, Error> {
        password::hash(password, &self.random()?)
            .ok_or_else(|| Error::Misconfigured("Argon2 refused its parameters".to_owned()))
    }
}

/// Hashed, so that a key has one length and no address appears in a list of keys.
fn email_key(email: &Email) -> String {
    format!("email/{}", base64url(&sha256(email.as_str().as_bytes())))
}
