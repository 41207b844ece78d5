//! Mails about accounts that are requested without signing in.
//!
//! A request must not reveal whether an address has an account, so it does the same work for all
//! addresses: it adds a digest of the address to a list. A sweep looks up the account and requests
//! the mail with an event in the account's outbox, whose text is sealed. The entry stays until the
//! event is durable; a crash in between can send a second mail.

use super::{Error, Identity, SWEEP_ENTRIES_MAX};
use crate::domain::email::Email;
use crate::domain::reset::{RESET_LIFETIME_MS, ResetToken};
use crate::domain::user::REPEATED_MAIL_EVERY_MS;
use crate::ports::Environment;
use crate::records::{MAILS, email_key};
use chassis::store::Store;
use chassis::worklist::{Entry, Group, Outcome, Worklist};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    name: String,
    address_key: String,
    reason: Reason,
    asked_at_ms: u64,
}

impl Entry for Request {
    type List = Vec<Self>;

    fn subject(&self) -> &str {
        &self.name
    }

    fn since_ms(&self) -> u64 {
        self.asked_at_ms
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Requests a mail to the owner of the address, if there is one.
    pub(super) async fn queue_mail(&self, email: &Email, reason: Reason) -> Result<(), Error> {
        let address_key = email_key(email);
        let name = format!("{reason:?}/{address_key}");
        let request = Request { name, address_key, reason, asked_at_ms: self.now_ms() };
        Ok(self.mails().put(&request).await?)
    }

    /// Processes the requests. Returns the numbers of sent mails and of pending requests.
    pub(super) async fn send_mails(&self, now_ms: u64) -> Result<(usize, usize), Error> {
        let sent = &AtomicUsize::new(0);
        let send = |group: Group<Request>| async move {
            for request in &group.entries {
                match self.send_mail(request, now_ms).await {
                    Ok(was_sent) => sent.fetch_add(usize::from(was_sent), Relaxed),
                    Err(error) if group.older(REQUEST_AGE_MAX_MS, now_ms).is_empty() => {
                        return Err(error);
                    }
                    Err(error) => {
                        eprintln!("a mail about an account is not sent: {error:?}");
                        0
                    }
                };
            }
            Ok(Outcome::Finished)
        };
        let swept = self.mails().sweep(now_ms, SWEEP_ENTRIES_MAX, send).await?;
        Ok((sent.load(Relaxed), swept.left))
    }

    async fn send_mail(&self, request: &Request, now_ms: u64) -> Result<bool, Error> {
        let Some(user) = self.find_by(&request.address_key).await? else { return Ok(false) };
        if request.reason == Reason::Reset && self.admin(&user.email).await?.is_some() {
            // The password is set by configuration.
            return Ok(false);
        }
        let issuer = self.settings().await?.issuer;
        let (chance, token) = (self.random()?, ResetToken::new(&user.id, self.random()?));
        let sent = self.update_user(&user.id, |user| {
            let (template, variables) = match request.reason {
                Reason::Reset if user.resets.add(&token, now_ms) => {
                    let link = format!("{issuer}/reset?token={token}");
                    let minutes = (RESET_LIFETIME_MS / 60_000).to_string();
                    (RESET_TEMPLATE, json!({"link": link, "minutes": minutes}))
                }
                Reason::RegisteredAgain
                    if now_ms.saturating_sub(user.repeated_at_ms) >= REPEATED_MAIL_EVERY_MS =>
                {
                    user.repeated_at_ms = now_ms;
                    (REGISTERED_AGAIN_TEMPLATE, json!({"link": issuer}))
                }
                _ => return Ok(false),
            };
            user.request_mail(template, &variables, &chance, now_ms)?;
            Ok(true)
        });
        match sent.await {
            Err(Error::NoSuchUser) => Ok(false),
            other => other,
        }
    }

    fn mails(&self) -> Worklist<S, Request> {
        Worklist::new(self.store.clone(), MAILS)
    }
}
