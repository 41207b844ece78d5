//! The component: store, events, HTTP client and settings.

use axum::Router;
use chassis::SystemClock;
use chassis::app::Kept;
use chassis::config::{ConfigError, optional};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;

use crate::ports::Ports;
use crate::routes::Api;
use crate::service::{Facade, StoredModes};

contracts::function!("facade");

#[derive(Clone, PartialEq)]
struct Settings {
    token: String,
    exchange_key: String,
}

static ROUTER: Kept<Settings> = Kept::new();

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, |settings| {
        let store = bindings::store()?;
        let modes = StoredModes(store.clone());
        let host = Host { store: store.clone(), modes: modes.clone() };
        let facade = Facade::new(host, settings.exchange_key.clone());
        let api = Api { facade, modes, token: settings.token.clone() };
        Ok(bindings::complete(crate::routes::router(api), store))
    })
}

async fn settings() -> Result<Settings, ConfigError> {
    Ok(Settings {
        token: optional("facade_token").await?.unwrap_or_default(),
        exchange_key: optional("exchange_key").await?.unwrap_or_default(),
    })
}

#[derive(Clone)]
struct Host {
    store: SpinStore,
    modes: StoredModes<SpinStore>,
}

impl Ports for Host {
    type Store = SpinStore;
    type Producer = bindings::EventProducer;
    type Outbound = SpinOutbound;
    type Clock = SystemClock;
    type Modes = StoredModes<SpinStore>;

    fn store(&self) -> &SpinStore {
        &self.store
    }

    fn producer(&self) -> &bindings::EventProducer {
        &bindings::EventProducer
    }

    fn outbound(&self) -> &SpinOutbound {
        &SpinOutbound
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }

    fn modes(&self) -> &StoredModes<SpinStore> {
        &self.modes
    }
}
