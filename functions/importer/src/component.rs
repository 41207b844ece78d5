//! The component: its store, the HTTP client, and the credentials of the administrator.

use axum::Router;
use chassis::SystemClock;
use chassis::app::{router_with_problems, serve};
use chassis::config::{ConfigError, variable};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::client::Shop;
use crate::service::{Credentials, Importer};

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(router().await, request).await
}

async fn router() -> chassis::Result<Router> {
    let store = SpinStore::open("importer")?;
    let importer = Importer::new(store, Shop::new(SpinOutbound, SystemClock), credentials().await?);
    Ok(router_with_problems(crate::routes::router(importer)))
}

async fn credentials() -> Result<Credentials, ConfigError> {
    let email = variable("admin_email").await?;
    let password = variable("admin_password").await?;
    Ok(Credentials { email, password })
}
