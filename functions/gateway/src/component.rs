//! The gateway as a component: the host's HTTP client, the contracts of the limiter and of
//! identity's keys, and the variables.

use crate::domain::quota::{Check, Decision, Quotas};
use crate::ports::{Environment, Limiter, Ports, Settings, Upstream};
use crate::service::Gateway;
use axum::body::Body;
use bindings::tessera::limits::limiter;
use chassis::config::optional;
use chassis::http::OutboundError;
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
    type Limiter = Self;
    type Keys = bindings::IdentityKeys;
    type Environment = Self;

    fn upstream(&self) -> &Self {
        self
    }

    fn limiter(&self) -> &Self {
        self
    }

    fn keys(&self) -> &bindings::IdentityKeys {
        &bindings::IdentityKeys
    }

    fn environment(&self) -> &Self {
        self
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

impl Limiter for Host {
    async fn check(&self, check: &Check) -> Result<Decision, String> {
        let window_ms = check.quota.window_s.saturating_mul(1000);
        let quota = limiter::Quota { limit: check.quota.limit, window_ms };
        match limiter::check(check.policy.to_owned(), check.key.clone(), quota, 1).await {
            Ok(decision) => Ok(Decision {
                allowed: decision.allowed,
                remaining: decision.remaining,
                retry_after_ms: decision.retry_after_ms,
                reset_after_ms: decision.reset_after_ms,
            }),
            Err(limiter::Error::Invalid(reason) | limiter::Error::Unavailable(reason)) => {
                Err(reason)
            }
        }
    }
}

impl Environment for Host {
    async fn settings(&self) -> Settings {
        let quotas = Quotas::parse(&setting("rate_limits").await).unwrap_or_else(|fault| {
            eprintln!("the variable `rate_limits` is wrong: {fault}; the defaults hold");
            Some(Quotas::default())
        });
        Settings {
            mailbox_page: setting("mailbox_page").await == "on",
            quotas,
            cors_origins: setting("cors_origins").await,
            proxies_trusted: setting("proxies_trusted").await.parse().unwrap_or(0),
        }
    }

    fn request_id(&self) -> String {
        chassis::id::new("req")
    }

    fn now_ms(&self) -> u64 {
        chassis::clock::now_ms()
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
