//! The component: contracts, store, variables and the way out, wired to the use cases.

use std::collections::BTreeMap;

use axum::Router;
use bindings::exports::shop::notifications::{audit, notifier};
use bindings::shop::identity::users;
use bindings::shop::templates::renderer;
use chassis::app::{Kept, Unready, readiness, router_with_problems, serve};
use chassis::config::{ConfigError, optional};
use chassis::http::SpinOutbound;
use chassis::register::{self, Stretch};
use chassis::sealed::{PersonKey, PersonKeys, Unreadable};
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{self, Channel, Priority};
use crate::ports::{RenderError, Rendered, Templates, User, Users};
use crate::provider::{HttpProvider, URL_DEFAULT};
use crate::routes::App;
use crate::service::{Notifications, Record, Refusal};

contracts::function!("notifications");

struct Component;

/// Where mails go.
#[derive(Clone, PartialEq)]
struct Settings {
    url: String,
    key: String,
}

static ROUTER: Kept<Settings> = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(router().await, request).await
}

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, routes)
}

async fn settings() -> Result<Settings, ConfigError> {
    Ok(Settings {
        url: optional("mail_provider_url").await?.unwrap_or_else(|| URL_DEFAULT.to_owned()),
        key: optional("mail_provider_key").await?.unwrap_or_default(),
    })
}

fn routes(settings: &Settings) -> chassis::Result<Router> {
    let store = open()?;
    let notifications = notifications(store.clone(), settings.clone());
    let app = App { notifications, keys: bindings::IdentityKeys };
    let routes = crate::routes::router(app)
        .merge(chassis::rpc::router(bindings::dispatch))
        .merge(readiness(store));
    Ok(router_with_problems(routes))
}

fn open() -> Result<SpinStore, StoreError> {
    SpinStore::open("notifications")
}

type Service = Notifications<SpinStore, Renderer, Identity, HttpProvider<SpinOutbound>>;

fn notifications(store: SpinStore, Settings { url, key }: Settings) -> Service {
    let provider = HttpProvider { outbound: SpinOutbound, url, key };
    Notifications { store, templates: Renderer, users: Identity, provider }
}

/// The service for one call of the contract.
async fn service() -> Result<Service, Unready> {
    Ok(notifications(open()?, settings().await?))
}

impl From<Unready> for notifier::Error {
    fn from(error: Unready) -> Self {
        notifier::Error::Unavailable(error.to_string())
    }
}

impl notifier::Guest for Component {
    async fn notify(
        notification: notifier::Notification,
    ) -> Result<notifier::Receipt, notifier::Error> {
        let notifications = service().await?;
        let request = domain::Request {
            request_id: notification.request_id,
            channel: match notification.channel {
                notifier::Channel::Email => Channel::Email,
                notifier::Channel::Push => Channel::Push,
            },
            user_id: notification.user_id,
            template_code: notification.template_code,
            variables: notification.variables,
            language: notification.language,
            priority: Priority::default(),
            metadata: BTreeMap::new(),
            subject: None,
        };
        let accepted = notifications.notify(request, chassis::clock::now_ms()).await;
        accepted.map(|notification_id| notifier::Receipt { notification_id }).map_err(failure)
    }
}

fn failure(refusal: Refusal) -> notifier::Error {
    let words = refusal.to_string();
    match refusal {
        Refusal::MissingVariables(names) => notifier::Error::MissingVariables(names),
        Refusal::Invalid(_) => notifier::Error::Invalid(words),
        Refusal::Conflict => notifier::Error::Conflict(words),
        Refusal::Unavailable(detail) => notifier::Error::Unavailable(detail),
    }
}

impl audit::Guest for Component {
    async fn messages(after: Option<String>, limit: u32) -> Result<audit::Page, audit::Error> {
        let foreign = || audit::Error::Invalid("`after` is not from a page".to_owned());
        let after = register::position(after.as_deref()).ok_or_else(foreign)?;
        let limit = limit.clamp(1, register::PAGE_MAX);
        let unavailable = |reason: String| audit::Error::Unavailable(reason);
        let notifications = service().await.map_err(|error| unavailable(error.to_string()))?;
        let found = notifications.records(after, limit).await;
        let Stretch { entries, next } = found.map_err(|error| unavailable(error.to_string()))?;
        Ok(audit::Page {
            entries: entries.into_iter().map(audit::Entry::from).collect(),
            next: next.map(|place| place.to_string()),
        })
    }
}

impl From<Record> for audit::Entry {
    fn from(record: Record) -> Self {
        audit::Entry {
            request_id: record.request_id,
            notification_id: record.notification_id,
            user_id: record.user_id,
            subject: record.subject,
            template_code: record.template_code,
            channel: match record.channel {
                Channel::Email => notifier::Channel::Email,
                Channel::Push => notifier::Channel::Push,
            },
            status: match record.status {
                "sent" => audit::Status::Sent,
                "suppressed" => audit::Status::Suppressed,
                "failed" => audit::Status::Failed,
                _ => audit::Status::Pending,
            },
            sends: record.sends,
        }
    }
}

/// The contract `shop:templates/renderer`.
#[derive(Clone)]
struct Renderer;

impl Templates for Renderer {
    async fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> Result<Rendered, RenderError> {
        let (code, language, variables) =
            (code.to_owned(), language.to_owned(), variables.to_vec());
        match renderer::render(code, version, language, variables).await {
            Ok(rendered) => Ok(Rendered {
                version: rendered.version,
                language: rendered.language,
                subject: rendered.subject,
                text: rendered.text,
                html: rendered.html,
            }),
            Err(renderer::Error::NotFound(detail)) => Err(RenderError::NotFound(detail)),
            Err(renderer::Error::MissingVariables(names)) => {
                Err(RenderError::MissingVariables(names))
            }
            Err(renderer::Error::Unavailable(detail)) => Err(RenderError::Unavailable(detail)),
        }
    }
}

/// The contracts `shop:identity/users` and `shop:identity/persons`.
#[derive(Clone)]
struct Identity;

impl PersonKeys for Identity {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        bindings::IdentityPersons.key(user_id).await
    }
}

impl Users for Identity {
    async fn get(&self, id: &str) -> Result<Option<User>, String> {
        match users::get(id.to_owned()).await {
            Ok(user) => {
                Ok(Some(User { email: user.email, name: user.name, language: user.language }))
            }
            Err(users::Error::NotFound(_)) => Ok(None),
            Err(users::Error::Unavailable(detail)) => Err(detail),
        }
    }
}
