//! The adapters to the host: store and keys.

use axum::Router;
use chassis::app::{Kept, readiness, router_with_problems, serve};
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::service::Recommendations;

contracts::function!("recommendations");

/// Serves all requests of this instance.
static ROUTER: Kept = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(ROUTER.router((), |()| router()), request).await
}

fn router() -> chassis::Result<Router> {
    let store = SpinStore::open("recommendations")?;
    let recommendations = Recommendations::new(store.clone());
    let routes = crate::routes::router(recommendations, bindings::IdentityKeys);
    Ok(router_with_problems(routes.merge(readiness(store))))
}
