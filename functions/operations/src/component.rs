//! Operations on a host: the audit contracts of all functions and the platform's event log.

mod books;
mod log;

use axum::Router;
use chassis::app::{router_with_problems, serve};
use chassis::http::SpinOutbound;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::clock::Clock;
use crate::routes::Api;
use books::Audits;
use log::PlatformLog;

contracts::function!("operations", without_store);

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(Ok(router()), request).await
}

fn router() -> Router {
    let api = Api { sources: Audits, log: PlatformLog, keys: bindings::IdentityKeys };
    let clock = Clock { outbound: SpinOutbound, keys: bindings::IdentityKeys };
    router_with_problems(crate::routes::router(api).merge(crate::clock::router(clock)))
}
