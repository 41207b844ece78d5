//! The use cases: exchanging a session, and finding a user.

use crate::domain::{Issuer, LIFETIME_S, SAME_S, Subject, customer};
use crate::ports::{Account, Directory, Unavailable};

/// A token, and how long it is valid at least, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub access_token: String,
    /// Seconds.
    pub expires_in: u64,
}

/// The use cases.
#[derive(Clone)]
pub struct Accounts<D> {
    directory: D,
    issuer: Issuer,
}

impl<D: Directory> Accounts<D> {
    /// The use cases over these accounts.
    pub fn new(directory: D, issuer: Issuer) -> Self {
        Self { directory, issuer }
    }

    /// The issuer of tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A token for the customer of a session; `None` if there is no such session.
    ///
    /// # Errors
    /// The older shop does not respond.
    pub async fn exchange(&self, session: &str, now_s: u64) -> Result<Option<Issued>, Unavailable> {
        let account = self.directory.of_session(session).await?;
        Ok(account.map(|account| self.issue(Subject::Customer(account.id), now_s)))
    }

    /// A token for this subject.
    pub fn issue(&self, subject: Subject, now_s: u64) -> Issued {
        let access_token = self.issuer.token(subject, now_s);
        Issued { access_token, expires_in: LIFETIME_S - SAME_S }
    }

    /// The user with this id.
    ///
    /// # Errors
    /// The older shop does not respond.
    pub async fn user(&self, id: &str) -> Result<Option<Account>, Unavailable> {
        match customer(id) {
            Some(number) => self.directory.account(number).await,
            None => Ok(None),
        }
    }
}
