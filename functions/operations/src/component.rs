//! Operations on a host: the audit contracts of all functions and the platform's event log.

mod books;
mod log;

use axum::Router;
use chassis::app::{router_with_problems, serve};
use chassis::http::SpinOutbound;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::bindings::IdentityKeys;
use crate::routes::Api;
use crate::routes::sweep::Sweeper;
use books::Audits;
use log::PlatformLog;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(Ok(router()), request).await
}

fn router() -> Router {
    let api = Api { sources: Audits, log: PlatformLog, keys: IdentityKeys };
    let sweeper = Sweeper { outbound: SpinOutbound, keys: IdentityKeys };
    let routes = crate::routes::router(api).merge(crate::routes::sweep::router(sweeper));
    router_with_problems(routes)
}
