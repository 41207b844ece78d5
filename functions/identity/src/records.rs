//! The keys of the store, and values that are not part of the domain.
//!
//! `user/<id>` is an account with its unpublished events, `email/<digest>` the account of an
//! address, `grants/<id>` the sessions, codes and consents of a user, [`KEYS`] the signing keys.
//! [`REGISTRATIONS`], [`DELETIONS`] and [`MAILS`] are lists of pending work.

use crate::domain::email::Email;
use crate::domain::secret::{base64url, sha256};
use crate::domain::user::User;
use chassis::worklist::{Entry, Options};
use serde::{Deserialize, Serialize};

/// The key of the signing keys.
pub(crate) const KEYS: &str = "keys";
pub(crate) const REGISTRATIONS: Options = list("registrations", 16);
pub(crate) const DELETIONS: Options = list("deletions", 4);
pub(crate) const MAILS: Options = list("mails", 4);

const fn list(name: &'static str, shards: u32) -> Options {
    Options { prefix: name, shards, shard_length_max: 1_000, what: name }
}

/// An account whose registration or deletion is pending.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) user_id: String,
    pub(crate) address_key: String,
    begun_ms: u64,
}

impl Pending {
    pub(crate) fn new(user: &User, begun_ms: u64) -> Self {
        Self { user_id: user.id.clone(), address_key: email_key(&user.email), begun_ms }
    }
}

impl Entry for Pending {
    type List = Vec<Self>;

    fn subject(&self) -> &str {
        &self.user_id
    }

    fn since_ms(&self) -> u64 {
        self.begun_ms
    }
}

/// The account of an address; an empty id after the account was deleted. The value is not removed,
/// because some hosts are slow to create a key again that was deleted.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) user_id: String,
}

impl Owner {
    /// Whether the address is free.
    pub(crate) fn is_none(&self) -> bool {
        self.user_id.is_empty()
    }
}

pub(crate) fn user_key(id: &str) -> String {
    format!("user/{id}")
}

pub(crate) fn grants_key(user_id: &str) -> String {
    format!("grants/{user_id}")
}

/// Hashed, so that all keys have the same length and contain no address.
pub(crate) fn email_key(email: &Email) -> String {
    format!("email/{}", base64url(&sha256(email.as_str().as_bytes())))
}
