//! The component: the contract `shop:identity`, the settings, and HTTP.

use axum::Router;
use bindings::exports::shop::identity::{keys, persons, users};
use chassis::SystemClock;
use chassis::app::{Kept, router_with_problems};
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;

use crate::directory::Legacy;
use crate::domain::{CUSTOMER, Issuer};
use crate::routes::Api;
use crate::service::Accounts;

contracts::function!("identity");

struct Component;

#[derive(Clone, PartialEq)]
struct Settings {
    issuer: String,
    secret: String,
    key: String,
}

static ROUTER: Kept<Settings> = Kept::new();

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, |settings| {
        let (accounts, key) = (accounts(settings), settings.key.clone());
        let routes = crate::routes::router(Api { accounts, clock: SystemClock, key });
        Ok(router_with_problems(routes.merge(chassis::rpc::router(bindings::dispatch))))
    })
}

async fn settings() -> Result<Settings, ConfigError> {
    Ok(Settings {
        issuer: variable("issuer").await?,
        secret: variable("token_secret").await?,
        key: optional("exchange_key").await?.unwrap_or_default(),
    })
}

fn accounts(settings: &Settings) -> Accounts<Legacy<SpinOutbound>> {
    Accounts::new(Legacy(SpinOutbound), Issuer::new(&settings.issuer, &settings.secret))
}

impl users::Guest for Component {
    async fn get(id: String) -> Result<users::User, users::Error> {
        let settings = settings().await;
        let settings = settings.map_err(|error| users::Error::Unavailable(error.to_string()))?;
        match accounts(&settings).user(&id).await {
            Ok(Some(account)) => Ok(users::User {
                id,
                email: account.email,
                name: account.name,
                language: account.language,
                roles: vec![CUSTOMER.to_owned()],
            }),
            Ok(None) => Err(users::Error::NotFound(id)),
            Err(error) => Err(users::Error::Unavailable(error.to_string())),
        }
    }
}

impl keys::Guest for Component {
    async fn current() -> Result<keys::KeySet, keys::Error> {
        let settings = settings().await;
        let settings = settings.map_err(|error| keys::Error::Unavailable(error.to_string()))?;
        let set = accounts(&settings).issuer().key_set();
        let keys = set.keys.into_iter().map(|key| keys::Key { kid: key.kid, x: key.x }).collect();
        Ok(keys::KeySet { issuer: set.issuer, audience: set.audience, keys })
    }
}

/// The older shop has no keys of persons: its events contain no personal data, so nothing is sealed.
impl persons::Guest for Component {
    async fn key(user_id: String) -> Result<String, persons::Error> {
        Err(persons::Error::Forgotten(user_id))
    }
}
