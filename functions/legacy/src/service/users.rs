//! Accounts and sessions.

use chassis::store::Store;
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{Legacy, NUMBER_BEFORE_FIRST, Refusal};
use crate::domain::{Session, User};
use crate::ports::Ports;

/// How long a session is valid, in milliseconds.
pub const SESSION_MS: u64 = 30 * 86_400_000;

/// A new account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// In lower case.
    pub email: String,
    /// For texts.
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
    /// In clear.
    pub password: String,
}

/// An account without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The number of the customer.
    pub id: u64,
    /// The address.
    pub email: String,
    /// For texts.
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
}

impl From<User> for Account {
    fn from(User { id, email, name, language, .. }: User) -> Self {
        Account { id, email, name, language }
    }
}

impl<P: Ports> Legacy<P> {
    /// Creates an account and its first session.
    ///
    /// # Errors
    /// [`Refusal::Taken`], [`Refusal::Unavailable`].
    pub async fn register_user(&self, new: NewUser) -> Result<(u64, String), Refusal> {
        let password = self.ports.hash(&new.password).await?;
        let id = self.customer_of_address(&new.email).await?;
        let NewUser { email, name, language, .. } = new;
        let user = User { id, email, name, language, password };
        if !self.store().create_guarded(&user_key(id), &user).await? {
            return Err(Refusal::Taken);
        }
        Ok((id, self.begin_session(id).await?))
    }

    /// The number of the customer with this address, or the next one. An address without an account
    /// belongs to a registration that was interrupted.
    async fn customer_of_address(&self, email: &str) -> Result<u64, Refusal> {
        let key = email_key(email);
        if let Some(id) = self.store().read(&key).await? {
            return Ok(id);
        }
        let next = self.store().increment("users", 1).await?.unsigned_abs() + NUMBER_BEFORE_FIRST;
        match self.store().create_guarded(&key, &next).await? {
            true => Ok(next),
            false => self.store().read(&key).await?.ok_or(Refusal::Taken),
        }
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`], [`Refusal::Unavailable`].
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<String, Refusal> {
        let user = match self.store().read::<u64>(&email_key(email)).await? {
            Some(id) => self.store().read::<User>(&user_key(id)).await?,
            None => None,
        };
        let stored = user.as_ref().map(|user| user.password.as_str());
        let is_right = self.ports.verify(password, stored).await?;
        match user {
            Some(user) if is_right => self.begin_session(user.id).await,
            _ => Err(Refusal::Unauthorized),
        }
    }

    /// A session begins with the number of its customer, so that those who only forward requests can
    /// tell customers apart. It is valid only as a whole.
    async fn begin_session(&self, customer: u64) -> Result<String, Refusal> {
        let session = format!("{customer}-{}", HEXLOWER.encode(&self.ports.random()?));
        let until_ms = self.now_ms() + SESSION_MS;
        let key = session_key(&session);
        chassis::expiry::expire_at(self.store(), &key, until_ms).await?;
        self.store().write(&key, &Session { customer, until_ms }).await?;
        Ok(session)
    }

    /// The customer of a session.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`], [`Refusal::Unavailable`].
    pub async fn customer(&self, session: &str) -> Result<u64, Refusal> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if session.is_empty() || session.len() > 60 || !session.bytes().all(is_plain) {
            return Err(Refusal::Unauthorized);
        }
        let found: Option<Session> = self.store().read(&session_key(session)).await?;
        let valid = found.filter(|found| found.until_ms > self.now_ms());
        valid.map(|found| found.customer).ok_or(Refusal::Unauthorized)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn sign_out(&self, session: &str) -> Result<(), Refusal> {
        self.customer(session).await?;
        Ok(self.store().delete(&session_key(session)).await?)
    }

    /// An account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn account(&self, customer: u64) -> Result<Account, Refusal> {
        let user: Option<User> = self.store().read(&user_key(customer)).await?;
        user.map(Account::from).ok_or(Refusal::NotFound("user"))
    }

    /// Changes name and language.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn change_account(
        &self,
        customer: u64,
        name: &str,
        language: &str,
    ) -> Result<Account, Refusal> {
        let change = |user: Option<User>| {
            let user = user.ok_or(Refusal::NotFound("user"))?;
            let user = User { name: name.to_owned(), language: language.to_owned(), ..user };
            Ok::<_, Refusal>((user.clone(), Account::from(user)))
        };
        self.store().update(&user_key(customer), change).await
    }
}

fn user_key(customer: u64) -> String {
    format!("user/{customer}")
}

fn email_key(email: &str) -> String {
    format!("email/{email}")
}

fn session_key(session: &str) -> String {
    format!("session/{session}")
}
