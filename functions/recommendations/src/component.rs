//! The adapters to the host: store, feature flags and keys.

use axum::Router;

use crate::service::Recommendations;

contracts::function!("recommendations");

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let recommendations = Recommendations::new(store.clone());
    let flags = bindings::PlatformFlags;
    let routes = crate::routes::router(recommendations, flags, bindings::IdentityKeys);
    Ok(bindings::complete(routes, store))
}
