//! Accepting, delivering and listing notifications.
//!
//! Keys of the store: A notification is one value, `request/<request id>`: whether it exists depends
//! only on the id that the caller chose. It is entered in the register of all notifications before
//! it is created. What leads to it is written after it: `id/<notification id>`, the queue of its
//! channel ([`crate::queue`]), and the user's list `list/<user id>`. A crash before these are
//! written leaves a notification that was never acknowledged; the caller's repetition writes them.
//! Beside them there are `preferences/<user id>`, the copies of users ([`users`]), and
//! `provider/rest/<channel>`.

mod delivery;
mod events;
mod operators;
mod recipients;
pub mod users;

pub use delivery::{
    PAUSE_MS, SWEEP_COUNT_MAX, SWEEP_FAILURE_COUNT_MAX, SWEEP_TIME_MAX_MS, SweepReport,
};
pub use operators::{EXPIRE_COUNT_MAX, FAILED_KEPT_MS, Replay};
pub use recipients::{LIST_ATTEMPT_COUNT_MAX, LIST_LENGTH_MAX};

use chassis::Clock;
use chassis::register::{Register, Stretch};
use chassis::store::{Store, StoreError};
use chassis::worklist::Worklist;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::domain::{Fault, Notification, Pinned, Request, User};
use crate::ports::{Ports, RenderError, Rendered};
use crate::queue::{Entry, Queue};

/// Why a notification was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Variables of the template without a value.
    #[error("missing variables: {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    /// The request is invalid.
    #[error("{}: {}", .0.member, .0.detail)]
    Invalid(Fault),
    /// The request id was used with other content.
    #[error("the request id was already used with different content")]
    Conflict,
    /// The outcome is unknown. Repeating is safe.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Unavailable(error.to_string())
    }
}

/// The use cases.
#[derive(Clone)]
pub struct Notifications<P> {
    pub(crate) ports: P,
}

impl<P: Ports> Notifications<P> {
    /// The use cases over these ports.
    pub fn new(ports: P) -> Self {
        Self { ports }
    }

    /// Accepts a request and tries to deliver it immediately. Returns the notification's id, also
    /// if the delivery failed. Idempotent by request id.
    ///
    /// # Errors
    /// See [`Error`]. The message is not sent, unless it was accepted before.
    pub async fn notify(&self, request: Request) -> Result<String, Error> {
        let notification = self.accept(request).await?;
        self.try_deliver(&notification).await;
        Ok(notification.id)
    }

    /// Up to `limit` notifications in the order of their acceptance, after number `after` (0: from
    /// the beginning).
    ///
    /// # Errors
    /// The store failed.
    pub async fn books(&self, after: u64, limit: u32) -> Result<Stretch<Notification>, StoreError> {
        let read = |number: u64, request_id: String| async move {
            // Concurrent callers with the same request take several numbers; one of them counts.
            Ok(self.read(&request_id).await?.filter(|found| found.number == number))
        };
        self.register().stretch(after, limit, read).await
    }

    /// Accepts a request. After this, the notification is durable and waits to be sent.
    async fn accept(&self, request: Request) -> Result<Notification, Error> {
        let (request, fingerprint) = checked(request)?;
        let mut stored = self.read(&request.request_id).await?;
        if stored.is_none() {
            let pinned = self.render(&request).await?;
            self.create(self.fresh(&request, &fingerprint, pinned)).await?;
            stored = self.read(&request.request_id).await?;
        }
        let unreadable = || Error::Unavailable("the new notification can't be read".to_owned());
        let notification = stored.ok_or_else(unreadable)?;
        if notification.fingerprint != fingerprint {
            return Err(Error::Conflict);
        }
        self.index(&notification).await?;
        if self.is_deleted(&notification.user_id).await? {
            // The user has deleted their account in the meantime: the new message is erased, too.
            self.erase_messages(&notification.user_id, Some(&notification.request_id)).await?;
            return Err(unknown_user(&notification.user_id));
        }
        Ok(notification)
    }

    /// Records a message that is not sent because the user has deleted their account, so that the
    /// books are complete. Idempotent by request id.
    async fn suppress(&self, request: Request) -> Result<(), Error> {
        let (request, fingerprint) = checked(request)?;
        if self.read(&request.request_id).await?.is_none() {
            let mut fresh = self.fresh(&request, &fingerprint, Pinned::default());
            fresh.erase();
            self.create(fresh).await?;
        }
        Ok(())
    }

    /// Records a message that another system has sent, so that the user's list and the books have it.
    /// Idempotent by request id.
    async fn import(&self, request: Request, at_ms: u64) -> Result<(), Error> {
        if self.is_deleted(&request.user_id).await? {
            return self.suppress(request).await;
        }
        let (request, fingerprint) = checked(request)?;
        if self.read(&request.request_id).await?.is_none() {
            let fresh = self.fresh(&request, &fingerprint, Pinned::default());
            self.create(fresh.sent_elsewhere(at_ms)).await?;
        }
        match self.read(&request.request_id).await? {
            Some(notification) => self.index(&notification).await,
            None => Err(Error::Unavailable("the new notification can't be read".to_owned())),
        }
    }

    fn fresh(&self, request: &Request, fingerprint: &str, pinned: Pinned) -> Notification {
        let (id, fingerprint) = (chassis::id::new("ntf"), fingerprint.to_owned());
        Notification::accept(id, fingerprint, request, pinned, self.now_ms())
    }

    /// Creates a notification with the next number, unless there is one for its request.
    async fn create(&self, mut fresh: Notification) -> Result<(), StoreError> {
        fresh.number = self.register().enter(&fresh.request_id).await?;
        self.store().create_guarded(&key(&fresh.request_id), &fresh).await.map(drop)
    }

    /// Renders a request to determine version, language and variables, and whether it is possible.
    async fn render(&self, request: &Request) -> Result<Pinned, Error> {
        let user = self.user(&request.user_id).await.map_err(Error::Unavailable)?;
        let user = user.ok_or_else(|| unknown_user(&request.user_id))?;
        let variables = with_name(&request.variables, &user);
        let language = request.language.as_deref().unwrap_or(&user.language);
        let code = &request.template_code;
        match self.ports.render(code, None, language, &variables).await {
            Ok(Rendered { version, language, subject, .. }) => {
                Ok(Pinned { version, language, subject, variables })
            }
            Err(RenderError::NotFound(detail)) => {
                Err(Error::Invalid(Fault::of("template_code", detail)))
            }
            Err(RenderError::MissingVariables(names)) => Err(Error::MissingVariables(names)),
            Err(RenderError::Unavailable(detail)) => Err(Error::Unavailable(detail)),
        }
    }

    /// Writes the entries that lead to a notification, unless they exist.
    async fn index(&self, notification: &Notification) -> Result<(), Error> {
        self.store().write(&id_key(&notification.id), &notification.request_id).await?;
        if !notification.is_over() {
            self.queue(notification).put(&Entry::of(notification)).await?;
        }
        Ok(self.list_for_user(notification).await?)
    }

    fn now_ms(&self) -> u64 {
        self.ports.clock().now_ms()
    }

    fn store(&self) -> &P::Store {
        self.ports.store()
    }

    /// The queue of a message to send.
    fn queue(&self, notification: &Notification) -> Worklist<P::Store, Entry> {
        Queue::of(notification.channel).list(self.store())
    }

    /// All notifications in the order of their acceptance.
    fn register(&self) -> Register<P::Store> {
        Register::new(self.store().clone(), "notifications")
    }

    async fn read(&self, request_id: &str) -> Result<Option<Notification>, StoreError> {
        self.store().read(&key(request_id)).await
    }

    /// Changes an existing notification and returns it.
    async fn change<R: Send>(
        &self,
        request_id: &str,
        mut change: impl FnMut(&mut Notification) -> R + Send,
    ) -> Result<(Notification, R), StoreError> {
        let key = key(request_id);
        let change = |stored: Option<Notification>| {
            let reason = "an index refers to it, but it does not exist".to_owned();
            let missing = || StoreError::Corrupt { key: key.clone(), reason };
            let mut notification = stored.ok_or_else(missing)?;
            let result = change(&mut notification);
            Ok::<_, StoreError>((notification.clone(), (notification, result)))
        };
        self.store().update(&key, change).await
    }
}

/// The request in its canonical form, and its fingerprint.
fn checked(request: Request) -> Result<(Request, String), Error> {
    if let Some(fault) = request.fault() {
        return Err(Error::Invalid(fault));
    }
    let request = request.canonical();
    let bytes = serde_json::to_vec(&request).unwrap_or_default();
    Ok((request, HEXLOWER.encode(&Sha256::digest(&bytes))))
}

fn unknown_user(user_id: &str) -> Error {
    Error::Invalid(Fault::of("user_id", format!("unknown user {user_id}")))
}

/// The variables of the request and the user's `name`, which most callers do not know, for
/// templates of the operator. A name in the request takes precedence.
fn with_name(variables: &[(String, String)], user: &User) -> Vec<(String, String)> {
    let mut all = variables.to_vec();
    if !all.iter().any(|(name, _)| name == "name") {
        all.push(("name".to_owned(), user.name.clone()));
    }
    all
}

fn key(request_id: &str) -> String {
    format!("request/{request_id}")
}

fn id_key(id: &str) -> String {
    format!("id/{id}")
}

#[cfg(test)]
pub(crate) mod tests;
