//! The component: its store, its variables, its HTTP client.

use std::future::Future;

use axum::Router;
use chassis::SystemClock;
use chassis::app::Kept;
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use spin_sdk::wit_bindgen;

use crate::ports::Background;
use crate::routes;
use crate::sandbox::{Sandbox, Settings};

/// The delay of a slow card, in milliseconds: longer than the timeout of merchants.
const SLOW_MS: u64 = 3_000;

type Host = (SpinStore, SystemClock, SpinOutbound, Tasks);

/// Tasks of the instance.
#[derive(Clone, Copy)]
struct Tasks;

impl Background for Tasks {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        wit_bindgen::spawn(work);
    }
}

async fn settings() -> Result<Settings, ConfigError> {
    Ok(Settings {
        api_key: variable("psp_api_key").await?,
        webhook_url: optional("psp_webhook_url").await?,
        webhook_secret: variable("psp_webhook_secret").await?,
        slow_ms: SLOW_MS,
    })
}

static ROUTER: Kept<Settings> = Kept::new();

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, |settings| {
        Ok(routes::router(Sandbox::<Host> {
            settings: settings.clone(),
            store: SpinStore::open("psp-sandbox")?,
            timer: SystemClock,
            outbound: SpinOutbound,
            background: Tasks,
        }))
    })
}
