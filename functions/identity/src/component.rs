//! The adapters to the host: store, clock, randomness, variables, contracts, HTTP.

use crate::domain::client::parse_clients;
use crate::domain::email::Email;
use crate::domain::password::BYTES_MAX;
use crate::domain::user;
use crate::ports::{Admin, Busy, Environment, Passwords, Settings, Verdict};
use crate::service::{self, Identity};

use axum::Router;
use bindings::exports::shop::identity::{keys, persons, users};
use bindings::shop::passwords::hasher;
use chassis::config::optional;
use chassis::quota::{Check, Decision, Limiter, Quotas};
use chassis::store::SpinStore;
use chassis::{Clock, SystemClock};

contracts::function!("identity");

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let routes = crate::routes::router(Identity::new(store.clone(), Host));
    Ok(bindings::complete(routes, store))
}

/// The service for one call of a contract.
fn identity() -> Result<Identity<SpinStore, Host>, String> {
    Ok(Identity::new(bindings::store().map_err(|error| error.to_string())?, Host))
}

#[derive(Clone)]
struct Host;

impl Clock for Host {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }
}

impl Limiter for Host {
    async fn check(&self, check: &Check) -> Result<Decision, String> {
        bindings::PlatformLimiter.check(check).await
    }
}

impl Environment for Host {
    type Events = bindings::EventProducer;

    fn events(&self) -> Self::Events {
        bindings::EventProducer
    }

    fn randomize(&self, buffer: &mut [u8]) -> bool {
        getrandom::fill(buffer).is_ok()
    }

    async fn settings(&self) -> Result<Settings, String> {
        let issuer = setting("issuer").await?;
        if issuer.is_empty() {
            return Err("the variable `issuer` is not set".to_owned());
        }
        let clients = parse_clients(&setting("oauth_clients").await?)
            .map_err(|fault| format!("the variable `oauth_clients` is invalid: {fault}"))?;
        let issuer = issuer.trim_end_matches('/').to_owned();
        let quotas = Quotas::of_setting(&setting("rate_limits").await?);
        Ok(Settings { issuer, admin: admin().await?, clients, quotas })
    }
}

impl Passwords for Host {
    async fn weakness(&self, password: &str, about: &[&str]) -> Result<Option<String>, Busy> {
        let about = about.iter().map(|text| (*text).to_owned()).collect();
        hasher::weakness(password.to_owned(), about).await.map_err(busy)
    }

    async fn hash(&self, password: &str) -> Result<String, Busy> {
        hasher::hash(password.to_owned()).await.map_err(busy)
    }

    async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, Busy> {
        let verdict = hasher::verify(password.to_owned(), stored.map(str::to_owned)).await;
        let verdict = verdict.map_err(busy)?;
        Ok(Verdict { matches: verdict.matches, outdated: verdict.outdated })
    }
}

fn busy(error: hasher::Error) -> Busy {
    let hasher::Error::Unavailable(reason) = error;
    Busy(reason)
}

/// The first administrator, if both variables are set.
async fn admin() -> Result<Option<Admin>, String> {
    let (address, password) = (setting("admin_email").await?, setting("admin_password").await?);
    if address.is_empty() || password.is_empty() {
        return Ok(None);
    }
    if password.len() > BYTES_MAX {
        return Err(format!("the variable `admin_password` has more than {BYTES_MAX} bytes"));
    }
    match Email::parse(&address) {
        Some(email) => Ok(Some(Admin { email, password })),
        None => Err("the variable `admin_email` is not an e-mail address".to_owned()),
    }
}

async fn setting(name: &str) -> Result<String, String> {
    optional(name).await.map(Option::unwrap_or_default).map_err(|error| error.to_string())
}

impl users::Guest for Component {
    async fn get(id: String) -> Result<users::User, users::Error> {
        match identity().map_err(users::Error::Unavailable)?.user(&id).await {
            Ok(user) => Ok(represent(user)),
            Err(service::Error::NoSuchUser) => Err(users::Error::NotFound(id)),
            Err(error) => Err(users::Error::Unavailable(format!("{error:?}"))),
        }
    }
}

impl keys::Guest for Component {
    async fn current() -> Result<keys::KeySet, keys::Error> {
        let set = identity().map_err(keys::Error::Unavailable)?.key_set().await;
        let set = set.map_err(|error| keys::Error::Unavailable(format!("{error:?}")))?;
        let keys = set.keys.into_iter().map(|key| keys::Key { kid: key.kid, x: key.x }).collect();
        Ok(keys::KeySet { issuer: set.issuer, audience: set.audience, keys })
    }
}

impl persons::Guest for Component {
    async fn key(user_id: String) -> Result<String, persons::Error> {
        let key = identity().map_err(persons::Error::Unavailable)?.person_key(&user_id).await;
        let key = key.map_err(|error| persons::Error::Unavailable(format!("{error:?}")))?;
        key.ok_or(persons::Error::Forgotten(user_id))
    }
}

fn represent(user: user::User) -> users::User {
    users::User {
        id: user.id,
        email: user.email.as_str().to_owned(),
        name: user.name,
        language: user.language,
        roles: user.roles,
    }
}
