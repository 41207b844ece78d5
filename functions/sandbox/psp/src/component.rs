//! The component: its store, its variables, its HTTP client.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use chassis::app::{Kept, serve};
use chassis::clock::{Clock, Timer};
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, wit_bindgen};

use crate::ports::{Background, Ports};
use crate::routes;
use crate::sandbox::{Sandbox, Settings};

/// The delay of a slow card, in milliseconds: longer than the timeout of merchants.
const SLOW_MS: u64 = 3_000;

#[derive(Clone, Copy)]
struct Host;

impl Ports for Host {
    type Store = SpinStore;
    type Timer = Self;
    type Outbound = SpinOutbound;
    type Background = Self;
}

// Not chassis::SystemClock, which can wait only in components: this code also runs natively, in
// benchmarks.
impl Clock for Host {
    fn now_ms(&self) -> u64 {
        chassis::clock::now_ms()
    }
}

impl Timer for Host {
    async fn sleep(&self, ms: u64) {
        spin_sdk::time::sleep(Duration::from_millis(ms)).await;
    }
}

impl Background for Host {
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

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(router().await, request).await
}

async fn router() -> chassis::Result<Router> {
    ROUTER.router(settings().await?, |settings| {
        Ok(routes::router(Sandbox::<Host> {
            settings: settings.clone(),
            store: SpinStore::open("psp-sandbox")?,
            timer: Host,
            outbound: SpinOutbound,
            background: Host,
        }))
    })
}
