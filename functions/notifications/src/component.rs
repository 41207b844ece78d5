//! The component: contracts, store, variables and HTTP client, connected to the use cases.

use axum::Router;
use bindings::exports::shop::notifications::{audit, notifier};
use bindings::shop::identity::users;
use bindings::shop::templates::renderer;
use chassis::SystemClock;
use chassis::app::{Kept, Unready};
use chassis::config::{ConfigError, optional};
use chassis::http::SpinOutbound;
use chassis::register;
use chassis::sealed::{PersonKey, PersonKeys, Unreadable};
use chassis::store::SpinStore;

use crate::domain::{self, Channel, Notification, Outcome, State, User};
use crate::ports::{Message, Ports, RenderError, Rendered};
use crate::provider::{HttpProvider, URL_DEFAULT};
use crate::service::{Error, Notifications};

contracts::function!("notifications");

struct Component;

/// The provider of mails and push messages.
#[derive(Clone, PartialEq)]
struct Settings {
    url: String,
    key: String,
}

static ROUTER: Kept<Settings> = Kept::new();

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, |settings| {
        let host = Host::new(settings.clone())?;
        let store = host.store.clone();
        Ok(bindings::complete(crate::routes::router(Notifications::new(host)), store))
    })
}

async fn settings() -> Result<Settings, ConfigError> {
    Ok(Settings {
        url: optional("mail_provider_url").await?.unwrap_or_else(|| URL_DEFAULT.to_owned()),
        key: optional("mail_provider_key").await?.unwrap_or_default(),
    })
}

/// The use cases for one call of the contract.
async fn service() -> Result<Notifications<Host>, Unready> {
    Ok(Notifications::new(Host::new(settings().await?)?))
}

impl notifier::Guest for Component {
    async fn notify(
        notification: notifier::Notification,
    ) -> Result<notifier::Receipt, notifier::Error> {
        let unavailable = |error: Unready| notifier::Error::Unavailable(error.to_string());
        let notifications = service().await.map_err(unavailable)?;
        let notifier::Notification { request_id, user_id, template_code, .. } = notification;
        let request = domain::Request {
            channel: match notification.channel {
                notifier::Channel::Email => Channel::Email,
                notifier::Channel::Push => Channel::Push,
            },
            variables: notification.variables,
            language: notification.language,
            ..domain::Request::mail(request_id, user_id, template_code)
        };
        let accepted = notifications.notify(request).await;
        accepted.map(|notification_id| notifier::Receipt { notification_id }).map_err(Into::into)
    }
}

impl From<Error> for notifier::Error {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::MissingVariables(names) => notifier::Error::MissingVariables(names),
            Error::Invalid(_) => notifier::Error::Invalid(text),
            Error::Conflict => notifier::Error::Conflict(text),
            Error::Unavailable(_) => notifier::Error::Unavailable(text),
        }
    }
}

impl audit::Guest for Component {
    async fn messages(after: Option<String>, limit: u32) -> Result<audit::Page, audit::Error> {
        let invalid = || audit::Error::Invalid("`after` is not from a page".to_owned());
        let after = register::position(after.as_deref()).ok_or_else(invalid)?;
        let limit = limit.clamp(1, register::PAGE_MAX);
        let unavailable = |reason: String| audit::Error::Unavailable(reason);
        let notifications = service().await.map_err(|error| unavailable(error.to_string()))?;
        let found = notifications.books(after, limit).await;
        let found = found.map_err(|error| unavailable(error.to_string()))?;
        Ok(audit::Page {
            entries: found.entries.into_iter().map(audit::Entry::from).collect(),
            next: found.next.map(|next| next.to_string()),
        })
    }
}

impl From<Notification> for audit::Entry {
    fn from(notification: Notification) -> Self {
        audit::Entry {
            request_id: notification.request_id,
            notification_id: notification.id,
            user_id: notification.user_id,
            subject: notification.subject,
            template_code: notification.template_code,
            channel: match notification.channel {
                Channel::Email => notifier::Channel::Email,
                Channel::Push => notifier::Channel::Push,
            },
            status: match notification.state {
                State::Pending { .. } | State::Sending { .. } => audit::Status::Pending,
                State::Sent { .. } => audit::Status::Sent,
                State::Failed { .. } => audit::Status::Failed,
                State::Suppressed => audit::Status::Suppressed,
            },
            sends: u32::try_from(notification.receipts.len()).unwrap_or(u32::MAX),
        }
    }
}

/// The store, the provider, and the contracts of templates and identity.
#[derive(Clone)]
struct Host {
    store: SpinStore,
    provider: HttpProvider<SpinOutbound>,
}

impl Host {
    fn new(Settings { url, key }: Settings) -> Result<Self, Unready> {
        let provider = HttpProvider { outbound: SpinOutbound, url, key };
        Ok(Host { store: bindings::store()?, provider })
    }
}

impl PersonKeys for Host {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        bindings::IdentityPersons.key(user_id).await
    }
}

impl Ports for Host {
    type Store = SpinStore;
    type Clock = SystemClock;
    type Keys = bindings::IdentityKeys;

    fn store(&self) -> &SpinStore {
        &self.store
    }

    fn keys(&self) -> &bindings::IdentityKeys {
        &bindings::IdentityKeys
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }

    async fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> Result<Rendered, RenderError> {
        let (code, language) = (code.to_owned(), language.to_owned());
        match renderer::render(code, version, language, variables.to_vec()).await {
            Ok(renderer::Rendered { version, language, subject, text, html }) => {
                Ok(Rendered { version, language, subject, text, html })
            }
            Err(renderer::Error::NotFound(detail)) => Err(RenderError::NotFound(detail)),
            Err(renderer::Error::MissingVariables(names)) => {
                Err(RenderError::MissingVariables(names))
            }
            Err(renderer::Error::Unavailable(detail)) => Err(RenderError::Unavailable(detail)),
        }
    }

    async fn user(&self, id: &str) -> Result<Option<User>, String> {
        match users::get(id.to_owned()).await {
            Ok(user) => {
                Ok(Some(User { email: user.email, name: user.name, language: user.language }))
            }
            Err(users::Error::NotFound(_)) => Ok(None),
            Err(users::Error::Unavailable(detail)) => Err(detail),
        }
    }

    async fn deliver(&self, message: &Message) -> Outcome {
        self.provider.deliver(message).await
    }
}
