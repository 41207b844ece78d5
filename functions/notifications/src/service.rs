//! Accepting, delivering and listing notifications.
//!
//! A notification is one value, `request/<request id>`: the id that the caller chose decides
//! whether it exists. Beside it are entries that only point to it: in the queue of what is
//! due, and in the reader's list. A crash before the entries are made leaves a notification
//! that was never acknowledged; the caller's repetition makes the entries.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{Notification, Outcome, Pinned, Preferences, Request};
use crate::ports::{Message, Provider, RenderError, Rendered, Templates, User, Users};
use crate::queue;

/// Most notifications in a reader's list; older ones leave it.
pub const LIST_LENGTH_MAX: usize = 500;
/// Most attempts of one sweep.
pub const SWEEP_ATTEMPT_COUNT_MAX: usize = 50;
/// Most attempts that looking at one's list makes.
pub const TOUCH_ATTEMPT_COUNT_MAX: usize = 3;

/// Why a notification was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Variables of the template that were not given.
    #[error("missing variables: {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    /// A fault in the request.
    #[error("{0}")]
    Invalid(String),
    /// The same request id came with another content.
    #[error("the request id came before with another content")]
    Conflict,
    /// Nobody can say now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Unavailable(error.to_string())
    }
}

impl From<queue::Error> for Refusal {
    fn from(error: queue::Error) -> Self {
        Refusal::Unavailable(error.to_string())
    }
}

/// An entry of a reader's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The notification.
    pub id: String,
    /// Where it is kept.
    pub request_id: String,
}

/// The use cases.
#[derive(Clone)]
pub struct Notifications<S, T, U, P> {
    /// Everything that is kept.
    pub store: S,
    /// The templates function.
    pub templates: T,
    /// The identity function.
    pub users: U,
    /// Whoever carries messages.
    pub provider: P,
}

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// Accepts a request and tries to deliver it at once; the answer is the notification's
    /// id, and does not depend on whether that worked. Idempotent by request id.
    ///
    /// # Errors
    /// See [`Refusal`]. Nothing is sent that was not accepted.
    pub async fn notify(&self, request: Request, now_ms: u64) -> Result<String, Refusal> {
        if let Some(fault) = request.fault() {
            return Err(Refusal::Invalid(fault));
        }
        let request = request.canonical();
        let fingerprint = fingerprint(&request);
        let key = key(&request.request_id);
        let mut stored: Option<Notification> = self.store.read(&key).await?;
        if stored.is_none() {
            let fresh = self.prepare(&request, fingerprint.clone(), now_ms).await?;
            self.store.create_guarded(&key, &fresh).await?;
            stored = self.store.read(&key).await?;
        }
        let Some(notification) = stored.filter(|found| found.fingerprint == fingerprint) else {
            return Err(Refusal::Conflict);
        };
        self.enter(&notification).await?;
        if let Err(error) = self.attempt(&notification.request_id, now_ms).await {
            // It is accepted all the same; the queue has it.
            eprintln!("{}: {error}", notification.id);
        }
        Ok(notification.id)
    }

    /// Renders once, to know that it can be done and what with.
    async fn prepare(
        &self,
        request: &Request,
        fingerprint: String,
        now_ms: u64,
    ) -> Result<Notification, Refusal> {
        let user = self.users.get(&request.user_id).await.map_err(Refusal::Unavailable)?;
        let missing = || Refusal::Invalid(format!("there is no user {}", request.user_id));
        let user = user.ok_or_else(missing)?;
        let variables = with_reader(&request.variables, &user);
        let language = request.language.as_deref().unwrap_or(&user.language);
        let code = &request.template_code;
        let rendered =
            self.templates.render(code, None, language, &variables).await.map_err(|e| match e {
                RenderError::NotFound(detail) => Refusal::Invalid(detail),
                RenderError::MissingVariables(names) => Refusal::MissingVariables(names),
                RenderError::Unavailable(detail) => Refusal::Unavailable(detail),
            })?;
        let Rendered { version, language, subject, .. } = rendered;
        let pinned = Pinned { version, language, subject, variables };
        let id = chassis::id::new("ntf");
        Ok(Notification::accept(id, fingerprint, request, pinned, now_ms))
    }

    /// Makes the entries that lead to a notification, unless they are there.
    async fn enter(&self, notification: &Notification) -> Result<(), Refusal> {
        if !notification.is_over() {
            queue::add(&self.store, &notification.request_id).await?;
        }
        let entry =
            Entry { id: notification.id.clone(), request_id: notification.request_id.clone() };
        self.store
            .update(&list_key(&notification.user_id), |list: Option<Vec<Entry>>| {
                let mut list = list.unwrap_or_default();
                if !list.contains(&entry) {
                    list.insert(0, entry.clone());
                    list.truncate(LIST_LENGTH_MAX);
                }
                Ok::<_, Refusal>((list, ()))
            })
            .await
    }

    /// Tries to deliver one notification if it is due; whether that was tried.
    async fn attempt(&self, request_id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let key = key(request_id);
        let begun: (Option<Notification>, Option<usize>) = self
            .store
            .update(&key, |stored: Option<Notification>| {
                let mut notification = stored.ok_or_else(|| gone(&key))?;
                let number = notification.begin(now_ms);
                Ok::<_, StoreError>((notification.clone(), (Some(notification), number)))
            })
            .await?;
        let (Some(notification), Some(number)) = begun else {
            if begun.0.is_some_and(|notification| notification.is_over()) {
                queue::remove(&self.store, request_id).await?;
            }
            return Ok(false);
        };
        let outcome = self.deliver(&notification).await;
        let over = self
            .store
            .update(&key, |stored: Option<Notification>| {
                let mut notification = stored.ok_or_else(|| gone(&key))?;
                notification.end(number, outcome.clone(), chassis::clock::now_ms().max(now_ms));
                let over = notification.is_over();
                Ok::<_, StoreError>((notification, over))
            })
            .await?;
        if over {
            queue::remove(&self.store, request_id).await?;
        }
        Ok(true)
    }

    /// Asks again what may have changed since acceptance, and hands the message over.
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let later = |detail: String| Outcome::Deferred { detail, retry_after_ms: None };
        match self.preferences(&notification.user_id).await {
            Ok(preferences) if !preferences.allow(notification.channel) => {
                return Outcome::Unwanted;
            }
            Ok(_) => {}
            Err(error) => return later(error.to_string()),
        }
        let user = match self.users.get(&notification.user_id).await {
            Ok(Some(user)) => user,
            Ok(None) => return Outcome::Refused("the account does not exist any more".into()),
            Err(detail) => return later(detail),
        };
        let Pinned { version, language, variables, .. } = &notification.pinned;
        let code = &notification.template_code;
        let content = match self.templates.render(code, Some(*version), language, variables).await {
            Ok(content) => content,
            Err(RenderError::Unavailable(detail)) => return later(detail),
            Err(error) => return Outcome::Refused(format!("it can't be rendered: {error:?}")),
        };
        let message = Message {
            id: notification.id.clone(),
            channel: notification.channel,
            user_id: notification.user_id.clone(),
            email: user.email,
            content,
        };
        self.provider.deliver(&message).await
    }

    /// Goes through what is due; how many attempts were made.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        let mut attempts = 0;
        for shard in 0..queue::SHARD_COUNT {
            for request_id in queue::entries(&self.store, shard).await? {
                if attempts >= SWEEP_ATTEMPT_COUNT_MAX {
                    return Ok(attempts);
                }
                match self.attempt(&request_id, now_ms).await {
                    Ok(tried) => attempts += usize::from(tried),
                    // One that can't be read must not hold up the others.
                    Err(error) => eprintln!("{request_id}: {error}"),
                }
            }
        }
        Ok(attempts)
    }

    /// A reader's notifications, newest first: at most `limit`, after the one named `after`;
    /// and whether there are more. What is due among them is tried first, a little.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: usize,
        now_ms: u64,
    ) -> Result<(Vec<Notification>, bool), StoreError> {
        let entries = self.entries(user_id).await?;
        // Ids grow with time, so a position holds even when its entry has left the list.
        let mut rest = entries.iter().filter(|entry| after.is_none_or(|after| *entry.id < *after));
        let mut page = Vec::new();
        let mut attempts = 0;
        for entry in rest.by_ref().take(limit) {
            let Some(mut notification) = self.read(&entry.request_id).await? else { continue };
            let due = notification.due_ms().is_some_and(|due_ms| due_ms <= now_ms);
            if due && attempts < TOUCH_ATTEMPT_COUNT_MAX {
                attempts += usize::from(self.attempt(&entry.request_id, now_ms).await?);
                notification = self.read(&entry.request_id).await?.unwrap_or(notification);
            }
            page.push(notification);
        }
        Ok((page, rest.next().is_some()))
    }

    /// One of a reader's own notifications.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn find(&self, user_id: &str, id: &str) -> Result<Option<Notification>, StoreError> {
        let entries = self.entries(user_id).await?;
        match entries.iter().find(|entry| entry.id == id) {
            Some(entry) => self.read(&entry.request_id).await,
            None => Ok(None),
        }
    }

    /// What a reader wants.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn preferences(&self, user_id: &str) -> Result<Preferences, StoreError> {
        Ok(self.store.read(&preferences_key(user_id)).await?.unwrap_or_default())
    }

    /// Keeps what a reader wants, also for what is accepted already and not sent yet.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn prefer(&self, user_id: &str, wanted: Preferences) -> Result<(), StoreError> {
        self.store.write(&preferences_key(user_id), &wanted).await
    }

    async fn entries(&self, user_id: &str) -> Result<Vec<Entry>, StoreError> {
        Ok(self.store.read(&list_key(user_id)).await?.unwrap_or_default())
    }

    async fn read(&self, request_id: &str) -> Result<Option<Notification>, StoreError> {
        self.store.read(&key(request_id)).await
    }
}

/// The variables of the request and `name`, the reader's, which most templates use and most
/// callers do not know. What the caller gave wins.
fn with_reader(variables: &[(String, String)], user: &User) -> Vec<(String, String)> {
    let mut all = variables.to_vec();
    if !all.iter().any(|(name, _)| name == "name") {
        all.push(("name".to_owned(), user.name.clone()));
    }
    all
}

/// A digest of everything that the caller asked for, in hexadecimal.
fn fingerprint(request: &Request) -> String {
    let bytes = serde_json::to_vec(request).unwrap_or_default();
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gone(key: &str) -> StoreError {
    StoreError::Corrupt { key: key.to_owned(), reason: "it was there and is gone".to_owned() }
}

fn key(request_id: &str) -> String {
    format!("request/{request_id}")
}

fn list_key(user_id: &str) -> String {
    format!("list/{user_id}")
}

fn preferences_key(user_id: &str) -> String {
    format!("preferences/{user_id}")
}

#[cfg(test)]
pub(crate) mod tests;
