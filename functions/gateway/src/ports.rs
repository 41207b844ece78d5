//! What the gateway needs from outside.

use axum::body::Body;
use chassis::auth::KeySource;
use chassis::http::OutboundError;
use chassis::quota::{Limiter, Quotas};
use chassis::store::{Store, StoreError};
use http::{Request, Response};
use std::future::Future;

/// The functions behind the gateway.
pub trait Upstream: Clone + Send + Sync + 'static {
    /// Sends a request on, both bodies streaming. The head of the answer must come within
    /// `timeout_ms` milliseconds.
    fn forward(
        &self,
        request: Request<Body>,
        timeout_ms: u64,
    ) -> impl Future<Output = Result<Response<Body>, OutboundError>> + Send;
}

/// Settings, time and names.
pub trait Environment: Clone + Send + Sync + 'static {
    /// The settings in force. A setting that can't be read has its default.
    fn settings(&self) -> impl Future<Output = Settings> + Send;

    /// A fresh request id.
    fn request_id(&self) -> String;

    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Waits for this many milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;
}

/// What the deployment decides.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether people may look into the mailbox of a development system.
    pub mailbox_page: bool,
    /// The URL at which customers reach the shop.
    pub issuer: String,
    /// The quotas; none where limits are off.
    pub quotas: Option<Quotas>,
    /// Origins of other pages that may call the API, separated by spaces; empty for none.
    pub cors_origins: String,
    /// How many proxies of ours stand in front of the host and write `X-Forwarded-For`.
    pub proxies_trusted: usize,
}

/// All ports at once.
pub trait Ports: Clone + Send + Sync + 'static {
    type Upstream: Upstream;
    type Limiter: Limiter;
    type Keys: KeySource;
    type Environment: Environment;
    type Store: Store;

    /// The store that the instances of the gateway share.
    fn store(&self) -> Result<Self::Store, StoreError>;

    fn upstream(&self) -> &Self::Upstream;
    fn limiter(&self) -> &Self::Limiter;
    fn keys(&self) -> &Self::Keys;
    fn environment(&self) -> &Self::Environment;
}
