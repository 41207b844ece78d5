//! The component: store, events, the hasher of passwords, and the mail provider.

use axum::Router;
use bindings::shop::passwords::hasher;
use chassis::SystemClock;
use chassis::app::Kept;
use chassis::config::{ConfigError, optional};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;

use crate::mail::{Provider, URL_DEFAULT};
use crate::ports::{Mail, Ports, Unavailable};
use crate::routes::Api;
use crate::service::Legacy;

contracts::function!("legacy");

#[derive(Clone, PartialEq)]
struct Settings {
    provider: Provider,
    support_key: String,
}

static ROUTER: Kept<Settings> = Kept::new();

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, |settings| {
        let store = bindings::store()?;
        let host = Host { store: store.clone(), provider: settings.provider.clone() };
        let legacy = Legacy::new(host);
        let api = Api { legacy, support_key: settings.support_key.clone() };
        Ok(bindings::complete(crate::routes::router(api), store))
    })
}

async fn settings() -> Result<Settings, ConfigError> {
    let url = optional("mail_provider_url").await?.unwrap_or_else(|| URL_DEFAULT.to_owned());
    let key = optional("mail_provider_key").await?.unwrap_or_default();
    let support_key = optional("support_key").await?.unwrap_or_default();
    Ok(Settings { provider: Provider { url, key }, support_key })
}

#[derive(Clone)]
struct Host {
    store: SpinStore,
    provider: Provider,
}

impl Ports for Host {
    type Store = SpinStore;
    type Producer = bindings::EventProducer;
    type Clock = SystemClock;

    fn store(&self) -> &SpinStore {
        &self.store
    }

    fn producer(&self) -> &bindings::EventProducer {
        &bindings::EventProducer
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }

    fn random(&self) -> Result<[u8; 16], Unavailable> {
        let mut bytes = [0; 16];
        let no_source = |_| Unavailable("no source of randomness".to_owned());
        getrandom::fill(&mut bytes).map_err(no_source)?;
        Ok(bytes)
    }

    async fn hash(&self, password: &str) -> Result<String, Unavailable> {
        hasher::hash(password.to_owned()).await.map_err(unavailable)
    }

    async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Unavailable> {
        let verdict = hasher::verify(password.to_owned(), stored.map(str::to_owned)).await;
        verdict.map(|verdict| verdict.matches).map_err(unavailable)
    }

    async fn send(&self, mail: &Mail) -> Result<(), Unavailable> {
        self.provider.send(mail, &SpinOutbound).await
    }
}

fn unavailable(error: hasher::Error) -> Unavailable {
    let hasher::Error::Unavailable(reason) = error;
    Unavailable(reason)
}
