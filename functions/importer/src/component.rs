//! The component: its store, the HTTP client, and the credentials of the administrator.

use axum::Router;
use chassis::SystemClock;
use chassis::app::router_with_problems;
use chassis::config::{ConfigError, variable};
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;

use crate::client::Shop;
use crate::service::{Credentials, Importer};

chassis::serve!(router);

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
