//! The gateway as a component: the host's HTTP client, the contracts of the limiter and of
//! identity's keys, and the variables.

use crate::ports::{Environment, Ports, Settings, Upstream};
use crate::service::Gateway;
use axum::body::Body;
use chassis::SystemClock;
use chassis::config::optional;
use chassis::http::OutboundError;
use chassis::quota::Quotas;
use chassis::store::{SpinStore, StoreError};
use http::Response;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

contracts::function!("gateway");

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    Gateway::new(Host).handle(request.map(Body::new)).await
}

#[derive(Clone, Copy)]
struct Host;

impl Ports for Host {
    type Upstream = Self;
    type Limiter = bindings::PlatformLimiter;
    type Keys = bindings::IdentityKeys;
    type Environment = Self;
    type Clock = SystemClock;
    type Store = SpinStore;

    fn store(&self) -> Result<SpinStore, StoreError> {
        bindings::store()
    }

    fn upstream(&self) -> &Self {
        self
    }

    fn limiter(&self) -> &bindings::PlatformLimiter {
        &bindings::PlatformLimiter
    }

    fn keys(&self) -> &bindings::IdentityKeys {
        &bindings::IdentityKeys
    }

    fn environment(&self) -> &Self {
        self
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }
}

impl Upstream for Host {
    async fn forward(
        &self,
        request: http::Request<Body>,
        timeout_ms: u64,
    ) -> Result<Response<Body>, OutboundError> {
        chassis::http::forward(request, timeout_ms).await
    }
}

impl Environment for Host {
    async fn settings(&self) -> Settings {
        Settings {
            mailbox_page: setting("mailbox_page").await == "on",
            issuer: setting("issuer").await,
            quotas: Quotas::of_setting(&setting("rate_limits").await),
            cors_origins: setting("cors_origins").await,
            proxies_trusted: setting("proxies_trusted").await.parse().unwrap_or(0),
        }
    }

    fn request_id(&self) -> String {
        chassis::id::new("req")
    }
}

async fn setting(name: &str) -> String {
    match optional(name).await {
        Ok(value) => value.unwrap_or_default(),
        Err(error) => {
            eprintln!("{error}");
            String::new()
        }
    }
}
