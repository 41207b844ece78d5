//! The sandbox on a host: its store, its variables, its HTTP client.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use chassis::app::{Kept, serve};
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, wit_bindgen};

use crate::routes::{self, Background};
use crate::sandbox::{Clock, Sandbox, Settings};

/// The delay of a slow card, in milliseconds: longer than the timeout of merchants.
const SLOW_MS: u64 = 3_000;

#[derive(Clone, Copy)]
struct HostClock;

impl Clock for HostClock {
    fn now_ms(&self) -> u64 {
        chassis::clock::now_ms()
    }

    async fn sleep(&self, ms: u64) {
        spin_sdk::time::sleep(Duration::from_millis(ms)).await;
    }
}

#[derive(Clone, Copy)]
struct AfterAnswer;

impl Background for AfterAnswer {
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
        let (settings, store) = (settings.clone(), SpinStore::open("psp-sandbox")?);
        let sandbox = Sandbox { settings, store, clock: HostClock, outbound: SpinOutbound };
        Ok(routes::router(sandbox, AfterAnswer))
    })
}
