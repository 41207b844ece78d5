//! Accepting, delivering and listing notifications.
//!
//! Keys of the store. A notification is one value, `request/<request id>`: the id that the
//! caller chose decides whether it exists. Its place in the register of all notifications is
//! taken before it is created. What leads to it is written after: `id/<notification id>`, the
//! queue of what waits on its channel ([`crate::queue`]), the reader's list `list/<user id>`. A crash before
//! these are made leaves a notification that was never acknowledged; the caller's repetition
//! makes them. Beside that there are `preferences/<user id>`, the copies of users
//! ([`people`]), and `provider/rest/<channel>`.

mod announcing;
mod audit;
mod delivery;
mod operating;
pub mod people;
mod reading;

pub use audit::Record;
pub use delivery::{
    REST_MS, SWEEP_DEFERRAL_COUNT_MAX, SWEEP_LOOK_COUNT_MAX, SWEEP_TIME_MAX_MS, Swept,
};
pub use operating::{FAILED_KEPT_MS, FORGET_COUNT_MAX, QueueName, Replay};
pub use reading::{LIST_LENGTH_MAX, TOUCH_ATTEMPT_COUNT_MAX};

use chassis::register::Register;
use chassis::store::{Store, StoreError};
use sha2::{Digest, Sha256};

use crate::domain::{Fault, Notification, Pinned, Request};
use crate::ports::{Provider, RenderError, Rendered, Templates, User, Users};
use crate::queue::{self, Entry, waiting};

/// Why a notification was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Variables of the template that were not given.
    #[error("missing variables: {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    /// A fault in the request.
    #[error("{}: {}", .0.place, .0.detail)]
    Invalid(Fault),
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
        let notification = self.accept(request, now_ms).await?;
        self.attempt_at_once(&notification, now_ms).await;
        Ok(notification.id)
    }

    /// Accepts a request: when this answers, the notification is durable and waits to be sent.
    async fn accept(&self, request: Request, now_ms: u64) -> Result<Notification, Refusal> {
        if let Some(fault) = request.fault() {
            return Err(Refusal::Invalid(fault));
        }
        let request = request.canonical();
        let fingerprint = fingerprint(&request);
        let key = key(&request.request_id);
        let mut stored: Option<Notification> = self.store.read(&key).await?;
        if stored.is_none() {
            let mut fresh = self.prepare(&request, fingerprint.clone(), now_ms).await?;
            fresh.place = self.register().enter(&request.request_id).await?;
            self.store.create_guarded(&key, &fresh).await?;
            stored = self.store.read(&key).await?;
        }
        let unreadable = || Refusal::Unavailable(format!("{key} was created and can't be read"));
        let notification = stored.ok_or_else(unreadable)?;
        if notification.fingerprint != fingerprint {
            return Err(Refusal::Conflict);
        }
        self.enter(&notification).await?;
        if self.is_gone(&notification.user_id).await? {
            // The user has deleted their account in the meantime: the new message is erased, too.
            self.erase_messages(&notification.user_id, Some(&notification.request_id)).await?;
            let detail = format!("unknown user {}", notification.user_id);
            return Err(Refusal::Invalid(Fault::of("user_id", detail)));
        }
        Ok(notification)
    }

    /// Records a message that is not sent because its reader has deleted their account, so that the
    /// books are complete. Idempotent by request id.
    async fn suppress(&self, request: Request, now_ms: u64) -> Result<(), Refusal> {
        if let Some(fault) = request.fault() {
            return Err(Refusal::Invalid(fault));
        }
        let request = request.canonical();
        if self.read(&request.request_id).await?.is_some() {
            return Ok(());
        }
        let (id, print) = (chassis::id::new("ntf"), fingerprint(&request));
        let mut fresh = Notification::accept(id, print, &request, Pinned::nothing(), now_ms);
        fresh.erase();
        fresh.place = self.register().enter(&request.request_id).await?;
        self.store.create_guarded(&key(&request.request_id), &fresh).await?;
        Ok(())
    }

    /// Renders once, to know that it can be done and what with.
    async fn prepare(
        &self,
        request: &Request,
        fingerprint: String,
        now_ms: u64,
    ) -> Result<Notification, Refusal> {
        let fault = |place: &str, detail: String| Refusal::Invalid(Fault::of(place, detail));
        let user = self.person(&request.user_id).await.map_err(Refusal::Unavailable)?;
        let missing = || fault("user_id", format!("unknown user {}", request.user_id));
        let user = user.ok_or_else(missing)?;
        let variables = with_reader(&request.variables, &user);
        let language = request.language.as_deref().unwrap_or(&user.language);
        let code = &request.template_code;
        let rendered =
            self.templates.render(code, None, language, &variables).await.map_err(|e| match e {
                RenderError::NotFound(detail) => fault("template_code", detail),
                RenderError::MissingVariables(names) => Refusal::MissingVariables(names),
                RenderError::Unavailable(detail) => Refusal::Unavailable(detail),
            })?;
        let Rendered { version, language, subject, .. } = rendered;
        let pinned = Pinned { version, language, subject, variables };
        let id = chassis::id::new("ntf");
        Ok(Notification::accept(id, fingerprint, request, pinned, now_ms))
    }

    /// Makes what leads to a notification, unless it is there.
    async fn enter(&self, notification: &Notification) -> Result<(), Refusal> {
        let request_id = &notification.request_id;
        self.store.write(&id_key(&notification.id), request_id).await?;
        if !notification.is_over() {
            let entry = Entry::of(notification, notification.created_at_ms);
            waiting(notification.channel).put(&self.store, &entry).await?;
        }
        Ok(self.list_for_reader(notification).await?)
    }

    /// All notifications in the order of their acceptance.
    fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "notifications")
    }

    async fn read(&self, request_id: &str) -> Result<Option<Notification>, StoreError> {
        self.store.read(&key(request_id)).await
    }
}

/// The variables of the request and the reader's `name`, which most callers do not know, for
/// templates of the operator. A name in the request takes precedence.
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

fn key(request_id: &str) -> String {
    format!("request/{request_id}")
}

fn id_key(id: &str) -> String {
    format!("id/{id}")
}

#[cfg(test)]
pub(crate) mod tests;
