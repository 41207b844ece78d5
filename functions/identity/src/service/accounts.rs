//! Accounts: registration, sign-in, profiles, and the administrator of the settings.

use super::mails::Reason;
use super::registrations::CLAIM_AGE_MS;
use super::{Error, Identity};
use crate::domain::email::Email;
use crate::domain::grants::Grants;
use crate::domain::secret::{equal, sha256};
use crate::domain::user::{
    Changes, LANGUAGE_DEFAULT, ROLE_ADMIN, ROLE_CUSTOMER, Registration, User,
};
use crate::ports::{Admin, Environment};
use crate::records::{Owner, email_key, grants_key, user_key};
use chassis::store::{Store, StoreError};

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
            && let Err(error) = self.queue_mail(&email, Reason::RegisteredAgain).await
        {
            // An error would reveal that the address has an account.
            eprintln!("the mail about a repeated registration could not be requested: {error:?}");
        }
        Ok(())
    }

    /// The account with this address and password. Takes one verification, whatever is wrong.
    pub async fn sign_in(&self, email: Option<&Email>, password: &str) -> Result<User, Error> {
        let Some(email) = email else { return Err(self.refuse(password).await) };
        if let Some(admin) = self.admin(email).await? {
            return self.sign_in_admin(admin, password).await;
        }
        let Some(user) = self.find(email).await? else { return Err(self.refuse(password).await) };
        let verdict = self.environment.verify(password, Some(&user.password_hash)).await?;
        match (verdict.matches, verdict.outdated) {
            (false, _) => Err(Error::WrongCredentials),
            (true, false) => Ok(user),
            (true, true) => self.rehash(user, password).await,
        }
    }

    /// Changes an account, if `expected` accepts it. `expected` is called in the same step.
    pub async fn change_profile(
        &self,
        id: &str,
        changes: &Changes,
        expected: impl Fn(&User) -> bool + Send + Sync,
    ) -> Result<User, Error> {
        let (now_ms, chance) = (self.now_ms(), self.random()?);
        self.update_user(id, |user| {
            if !expected(user) {
                return Err(Error::Changed);
            }
            user.change(changes, &chance, now_ms)?;
            Ok(user.clone())
        })
        .await
    }

    /// The administrator's password is the one in the settings; at sign-in, the account gets it.
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
            // A concurrent sign-in may have created the account.
            let created = self.create(registration, &[ROLE_CUSTOMER, ROLE_ADMIN], true).await?;
            return match created {
                Some(user) => Ok(user),
                None => self.find(&email).await?.ok_or(Error::WrongCredentials),
            };
        };
        let stored = Some(user.password_hash.as_str());
        if user.has(ROLE_ADMIN) && self.environment.verify(&admin.password, stored).await?.matches {
            return Ok(user);
        }
        self.take_over(&user.id, &admin.password).await
    }

    /// The configured administrator, if this is their address.
    pub(super) async fn admin(&self, email: &Email) -> Result<Option<Admin>, Error> {
        Ok(self.settings().await?.admin.filter(|admin| admin.email == *email))
    }

    /// The account with this address.
    async fn find(&self, email: &Email) -> Result<Option<User>, Error> {
        self.find_by(&email_key(email)).await
    }

    /// The account whose address has this key.
    pub(super) async fn find_by(&self, address_key: &str) -> Result<Option<User>, Error> {
        Ok(self.owner_of(address_key).await?.filter(|user| !user.is_deleted()))
    }

    /// The account that an address belongs to. It is a deleted one if the deletion was interrupted
    /// before it released the address.
    async fn owner_of(&self, address_key: &str) -> Result<Option<User>, StoreError> {
        let owner = self.store.read::<Owner>(address_key).await?.filter(|owner| !owner.is_none());
        let Some(owner) = owner else { return Ok(None) };
        self.store.read(&user_key(&owner.user_id)).await
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
        let hash = self.environment.hash(&registration.password).await?;
        let user = User::new(registration, hash, roles, self.now_ms());
        self.begin_registration(&user).await?;
        self.store.create(&user_key(&user.id), &user).await?;
        self.store.create(&grants_key(&user.id), &Grants::default()).await?;
        let in_time = self.now_ms().saturating_sub(user.created_at_ms) < CLAIM_AGE_MS;
        let claimed = in_time && may_claim && self.claim(&user).await?;
        if !claimed {
            self.discard(&user.id).await?;
        }
        // The account exists now. If publishing fails, a sweep does it.
        let announced = if claimed { self.announce(&user.id).await } else { Ok(()) };
        let ended = match announced {
            Ok(()) => self.end_registration(&user.id).await,
            error => error,
        };
        if let Err(error) = ended {
            eprintln!("the registration of {} will be finished by a sweep: {error:?}", user.id);
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
        let deleted = self.owner_of(&key).await?.filter(User::is_deleted).map(|user| user.id);
        let claim = |owner: Option<Owner>| {
            let is_taken =
                |owner: &Owner| !owner.is_none() && Some(&owner.user_id) != deleted.as_ref();
            let owner = owner.filter(is_taken);
            let owner = owner.unwrap_or_else(|| Owner { user_id: user.id.clone() });
            let is_claimed = owner.user_id == user.id;
            Ok::<_, StoreError>((owner, is_claimed))
        };
        self.store.update(&key, claim).await
    }
}
