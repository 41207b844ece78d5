//! What the gateway needs from outside.

use axum::body::Body;
use chassis::auth::KeySource;
use chassis::clock::Timer;
use chassis::http::OutboundError;
use chassis::quota::{Limiter, Quotas};
use chassis::store::{Store, StoreError};
use http::{Request, Response};
use std::future::Future;

/// The functions behind the gateway.
pub trait Upstream: Clone + Send + Sync + 'static {
    /// Forwards a request and streams both bodies. The head of the response must arrive within
    /// `timeout_ms` milliseconds.
    fn forward(
        &self,
        request: Request<Body>,
        timeout_ms: u64,
    ) -> impl Future<Output = Result<Response<Body>, OutboundError>> + Send;
}

/// Settings and request ids.
pub trait Environment: Clone + Send + Sync + 'static {
    /// The current settings. A setting that can't be read has its default.
    fn settings(&self) -> impl Future<Output = Settings> + Send;

    /// A fresh request id.
    fn request_id(&self) -> String;
}

/// What the deployment decides.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether the mailbox of a development system can be viewed.
    pub mailbox_page: bool,
    /// The URL at which customers reach the shop.
    pub issuer: String,
    /// The quotas; `None` if they are switched off.
    pub quotas: Option<Quotas>,
    /// Origins of other pages that may call the API, separated by spaces or commas.
    pub cors_origins: String,
    /// The number of trusted proxies in front of the host that write `X-Forwarded-For`.
    pub proxies_trusted: usize,
}

/// All ports at once.
pub trait Ports: Clone + Send + Sync + 'static {
    type Upstream: Upstream;
    type Limiter: Limiter;
    type Keys: KeySource;
    type Environment: Environment;
    type Clock: Timer;
    type Store: Store;

    /// The store that all instances of the gateway share.
    fn store(&self) -> Result<Self::Store, StoreError>;

    fn upstream(&self) -> &Self::Upstream;
    fn limiter(&self) -> &Self::Limiter;
    fn keys(&self) -> &Self::Keys;
    fn environment(&self) -> &Self::Environment;
    fn clock(&self) -> &Self::Clock;
}
