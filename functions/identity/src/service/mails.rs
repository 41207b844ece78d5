//! Mails about accounts that are requested without signing in.
//!
//! A request must not reveal whether an address has an account, so it does the same work for all
//! addresses: it notes a digest of the address. A sweep looks up the account and requests the mail
//! with an event in the account's outbox, whose text is sealed. The note stays until the event is
//! durable; a crash in between can send a second mail.

use super::notes::Note;
use super::passwords::existing;
use super::{Error, Identity, user_key};
use crate::domain::email::Email;
use crate::domain::reset::{RESET_LIFETIME_MS, ResetToken};
use crate::domain::user::{REPEATED_MAIL_EVERY_MS, User};
use crate::ports::Environment;
use chassis::store::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The template of the mail with a reset token.
const RESET_TEMPLATE: &str = "password-reset";
/// The template of the mail to an owner whose address was registered again.
const REGISTERED_AGAIN_TEMPLATE: &str = "account-exists";
/// A request that could not be processed for this long is dropped. Milliseconds.
const REQUEST_AGE_MAX_MS: u64 = 3600 * 1000;

/// The reason for a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// A password reset was requested.
    Reset,
    /// An address that has an account was registered again.
    RegisteredAgain,
}

#[derive(Clone, Serialize, Deserialize)]
struct Request {
    name: String,
    address_key: String,
    reason: Reason,
    asked_at_ms: u64,
}

impl Note for Request {
    const KIND: &'static str = "mails";
    const SHARDS: u8 = 4;

    fn name(&self) -> &str {
        &self.name
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Notes a mail to the owner of the address, if there is one.
    pub(super) async fn ask_for_mail(&self, email: &Email, reason: Reason) -> Result<(), Error> {
        let address_key = super::accounts::email_key(email);
        let name = format!("{reason:?}/{address_key}");
        let asked_at_ms = self.environment.now_ms();
        self.note(&Request { name, address_key, reason, asked_at_ms }).await
    }

    /// Processes the notes. Returns the number of requested mails and of pending notes.
    pub(super) async fn send_mails(&self, now_ms: u64) -> Result<(usize, usize), Error> {
        let (mut sent, mut waiting) = (0, 0);
        for request in self.noted::<Request>().await? {
            match self.send_mail(&request, now_ms).await {
                Ok(was_sent) => {
                    sent += usize::from(was_sent);
                    self.done::<Request>(&request.name).await?;
                }
                Err(error) => {
                    eprintln!("a mail about an account could not be requested: {error:?}");
                    if now_ms.saturating_sub(request.asked_at_ms) > REQUEST_AGE_MAX_MS {
                        self.done::<Request>(&request.name).await?;
                    } else {
                        waiting += 1;
                    }
                }
            }
        }
        Ok((sent, waiting))
    }

    async fn send_mail(&self, request: &Request, now_ms: u64) -> Result<bool, Error> {
        let Some(user) = self.find_by(&request.address_key).await? else { return Ok(false) };
        if request.reason == Reason::Reset && self.admin(&user.email).await?.is_some() {
            // The password is set by configuration.
            return Ok(false);
        }
        let issuer = self.settings().await?.issuer;
        let (chance, token) = (self.random()?, ResetToken::new(&user.id, self.random()?));
        let tell = |user: Option<User>| {
            let mut user = existing(user)?;
            let told = match request.reason {
                Reason::Reset => {
                    let is_good = user.resets.add(&token, now_ms);
                    if is_good {
                        let link = format!("{issuer}/reset?token={token}");
                        let minutes = (RESET_LIFETIME_MS / 60_000).to_string();
                        let variables = json!({"link": link, "minutes": minutes});
                        user.tell_mail(RESET_TEMPLATE, &variables, &chance, now_ms)?;
                    }
                    is_good
                }
                Reason::RegisteredAgain => {
                    let seldom =
                        now_ms.saturating_sub(user.repeated_at_ms) >= REPEATED_MAIL_EVERY_MS;
                    if seldom {
                        user.repeated_at_ms = now_ms;
                        let variables = json!({"link": issuer});
                        user.tell_mail(REGISTERED_AGAIN_TEMPLATE, &variables, &chance, now_ms)?;
                    }
                    seldom
                }
            };
            Ok::<_, Error>((user, told))
        };
        match self.relay().change(&user_key(&user.id), tell).await {
            Err(Error::NoSuchUser) => Ok(false),
            other => other,
        }
    }
}
