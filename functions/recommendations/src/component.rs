//! The adapters to the host: store and keys.

use axum::Router;

use crate::service::Recommendations;

contracts::function!("recommendations");

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let recommendations = Recommendations::new(store.clone());
    let routes = crate::routes::router(recommendations, bindings::IdentityKeys);
    Ok(bindings::complete(routes, store))
}
