//! The component: contracts, store, variables and the way out, wired to the use cases.

use axum::response::IntoResponse as _;
use bindings::exports::shop::notifications::notifier::{self, Error, Guest, Receipt};
use bindings::shop::identity::users;
use bindings::shop::templates::renderer;
use chassis::config;
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{self, Channel};
use crate::ports::{RenderError, Rendered, Templates, User, Users};
use crate::provider::{HttpProvider, URL_DEFAULT};
use crate::routes::{App, router};
use crate::service::{Notifications, Refusal};

contracts::function!("notifications");

struct Component;

type Wired = Notifications<SpinStore, Renderer, Identity, HttpProvider<SpinOutbound>>;

async fn wire() -> Result<Wired, String> {
    let store = SpinStore::open("notifications").map_err(|error| error.to_string())?;
    let provider = HttpProvider {
        outbound: SpinOutbound,
        url: setting("mail_provider_url", URL_DEFAULT).await?,
        key: setting("mail_provider_key", "").await?,
    };
    Ok(Notifications { store, templates: Renderer, users: Identity, provider })
}

/// A variable; one that is absent or empty is the default.
async fn setting(name: &str, default: &str) -> Result<String, String> {
    let value = config::optional(name).await.map_err(|error| error.to_string())?;
    Ok(value.filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()))
}

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let notifications = match wire().await {
        Ok(notifications) => notifications,
        Err(error) => {
            eprintln!("{error}");
            return chassis::Problem::unavailable("Notifications are not set up.", 5)
                .into_response();
        }
    };
    let rest = router(App { notifications, keys: bindings::IdentityKeys });
    let routes = rest.merge(chassis::rpc::router(bindings::dispatch));
    chassis::app::serve(chassis::app::router_with_problems(routes), request).await
}

impl Guest for Component {
    async fn notify(notification: notifier::Notification) -> Result<Receipt, Error> {
        let notifications = wire().await.map_err(Error::Unavailable)?;
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
        };
        let accepted = notifications.notify(request, chassis::clock::now_ms()).await;
        accepted.map(|notification_id| Receipt { notification_id }).map_err(failure)
    }
}

fn failure(refusal: Refusal) -> Error {
    match refusal {
        Refusal::MissingVariables(names) => Error::MissingVariables(names),
        Refusal::Invalid(detail) => Error::Invalid(detail),
        Refusal::Conflict => Error::Conflict(refusal.to_string()),
        Refusal::Unavailable(detail) => Error::Unavailable(detail),
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

/// The contract `shop:identity/users`.
#[derive(Clone)]
struct Identity;

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
