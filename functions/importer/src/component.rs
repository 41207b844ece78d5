//! The importer as a component: its store, the host's HTTP client, the admin's credentials.

use std::time::Duration;

use axum::Router;
use chassis::app::{router_with_problems, serve};
use chassis::config::{ConfigError, variable};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::client::Shop;
use crate::ports::Pause;
use crate::service::{Credentials, Importer};

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(router().await, request).await
}

async fn router() -> chassis::Result<Router> {
    let store = SpinStore::open("importer")?;
    let importer = Importer::new(store, Shop::new(SpinOutbound, Clock), credentials().await?);
    Ok(router_with_problems(crate::routes::router(importer)))
}

async fn credentials() -> Result<Credentials, ConfigError> {
    let email = variable("admin_email").await?;
    let password = variable("admin_password").await?;
    Ok(Credentials { email, password })
}

/// The host's clock.
#[derive(Clone, Copy)]
struct Clock;

impl Pause for Clock {
    async fn pause(&self, ms: u64) {
        spin_sdk::time::sleep(Duration::from_millis(ms)).await;
    }
}
