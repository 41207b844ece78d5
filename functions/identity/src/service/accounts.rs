//! Accounts: registering, signing in, and the administrator that the settings name.

use super::mails::Reason;
use super::registrations::CLAIM_AGE_MS;
use super::{Error, Identity, grants_key, user_key};
use crate::domain::email::Email;
use crate::domain::grants::Grants;
use crate::domain::secret::{base64url, equal, sha256};
use crate::domain::user::{Beginning, LANGUAGE_DEFAULT, ROLE_ADMIN, ROLE_CUSTOMER, User};
use crate::ports::{Admin, Environment, Passwords};
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

/// The account of an address; an empty id after the account was deleted. The value is not removed,
/// because some hosts are slow to create a key again that was deleted.
#[derive(Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) user_id: String,
}

impl Owner {
    /// Whether the address is free.
    pub(super) fn is_none(&self) -> bool {
        self.user_id.is_empty()
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Creates an account if the address has none. If it has one, its owner gets a mail; the
    /// response and the work are the same, so that the caller can't tell. The administrator's
    /// address is never free: otherwise the first to register it would control the shop.
    pub async fn register(&self, registration: Registration) -> Result<(), Error> {
        let email = registration.email.clone();
        self.check_strength(&registration.password, &email, &registration.name).await?;
        let is_reserved = self.admin(&email).await?.is_some();
        let made = self.create(registration, &[ROLE_CUSTOMER], !is_reserved).await?;
        if made.is_none()
            && let Err(error) = self.ask_for_mail(&email, Reason::RegisteredAgain).await
        {
            // An error would reveal that the address has an account.
            eprintln!("the mail about a repeated registration could not be requested: {error:?}");
        }
        Ok(())
    }

    /// The account with this address and password. Costs one hash, whatever is wrong.
    pub async fn sign_in(&self, email: Option<&Email>, password: &str) -> Result<User, Error> {
        let Some(email) = email else { return Err(self.refuse(password).await) };
        if let Some(admin) = self.admin(email).await? {
            return self.sign_in_admin(admin, password).await;
        }
        let Some(user) = self.find(email).await? else { return Err(self.refuse(password).await) };
        let verdict = self.passwords().verify(password, Some(&user.password_hash)).await?;
        match (verdict.matches, verdict.outdated) {
            (false, _) => Err(Error::WrongCredentials),
            (true, false) => Ok(user),
            (true, true) => self.hash_anew(user, password).await,
        }
    }

    /// The administrator's password is the one in the settings; their account is brought in
    /// line with it when they come.
    async fn sign_in_admin(&self, admin: Admin, password: &str) -> Result<User, Error> {
        if !equal(&sha256(password.as_bytes()), &sha256(admin.password.as_bytes())) {
            return Err(self.refuse(password).await);
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
            let created = self.create(registration, &[ROLE_CUSTOMER, ROLE_ADMIN], true).await?;
            return match created {
                Some(user) => Ok(user),
                None => self.find(&email).await?.ok_or(Error::WrongCredentials),
            };
        };
        let stored = Some(user.password_hash.as_str());
        if user.has(ROLE_ADMIN) && self.passwords().verify(&admin.password, stored).await?.matches {
            return Ok(user);
        }
        self.take_over(&user.id, &admin.password).await
    }

    /// The configured administrator, if this is their address.
    pub(super) async fn admin(&self, email: &Email) -> Result<Option<Admin>, Error> {
        Ok(self.settings().await?.admin.filter(|admin| admin.email == *email))
    }

    /// The account with this address.
    pub(super) async fn find(&self, email: &Email) -> Result<Option<User>, Error> {
        self.find_by(&email_key(email)).await
    }

    /// The account whose address has this key.
    pub(super) async fn find_by(&self, address_key: &str) -> Result<Option<User>, Error> {
        let owner = self.store.read::<Owner>(address_key).await?.filter(|owner| !owner.is_none());
        let Some(owner) = owner else { return Ok(None) };
        let user: Option<User> = self.store.read(&user_key(&owner.user_id)).await?;
        Ok(user.filter(|user| user.deleted_at_ms.is_none()))
    }

    /// Writes the account under a new id, and then claims the address for it: a crash in between
    /// leaves an account that can't be found, and an address that is still free. The registration
    /// is published only after the address was claimed; if this is interrupted, a sweep finds the
    /// account among the registrations. `None` if another registration claimed the address first,
    /// or if it may not be claimed. A registration that took too long claims nothing, because the
    /// sweep may have removed its account.
    async fn create(
        &self,
        registration: Registration,
        roles: &[&str],
        may_claim: bool,
    ) -> Result<Option<User>, Error> {
        let user = User::new(Beginning {
            id: chassis::id::new("usr"),
            password_hash: self.hash(&registration.password).await?,
            email: registration.email,
            name: registration.name,
            language: registration.language,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            created_at_ms: self.environment.now_ms(),
        });
        self.begin_registration(&user).await?;
        self.store.create(&user_key(&user.id), &user).await?;
        self.store.create(&grants_key(&user.id), &Grants::default()).await?;
        let in_time = self.environment.now_ms().saturating_sub(user.created_at_ms) < CLAIM_AGE_MS;
        let claimed = in_time && may_claim && self.claim(&user).await?;
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

    /// Assigns the address to this account if it is free. Returns whether the address belongs to it
    /// now.
    async fn claim(&self, user: &User) -> Result<bool, StoreError> {
        let key = email_key(&user.email);
        let left = self.left_behind(&key).await?;
        let claim = |owner: Option<Owner>| {
            let owner =
                owner.filter(|owner| !owner.is_none() && Some(&owner.user_id) != left.as_ref());
            let owner = owner.unwrap_or_else(|| Owner { user_id: user.id.clone() });
            let is_ours = owner.user_id == user.id;
            Ok::<_, StoreError>((owner, is_ours))
        };
        self.store.update(&key, claim).await
    }

    /// The deleted account that an address still belongs to, if its deletion was interrupted before
    /// it released the address.
    async fn left_behind(&self, address_key: &str) -> Result<Option<String>, StoreError> {
        let owner = self.store.read::<Owner>(address_key).await?.filter(|owner| !owner.is_none());
        let Some(owner) = owner else { return Ok(None) };
        let user: Option<User> = self.store.read(&user_key(&owner.user_id)).await?;
        let is_deleted = user.is_some_and(|user| user.deleted_at_ms.is_some());
        Ok(is_deleted.then_some(owner.user_id))
    }
}

/// Hashed, so that a key has one length and no address appears in a list of keys.
pub(super) fn email_key(email: &Email) -> String {
    format!("email/{}", base64url(&sha256(email.as_str().as_bytes())))
}
