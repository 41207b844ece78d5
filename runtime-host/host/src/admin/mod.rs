//! The operator's listener: health, metrics, components, recent traces and log lines, the event log,
//! and pages that show them.
//!
//! It is apart from the application's, so that it responds when the application does not, and so
//! that nothing here is ever public by mistake. Metrics and health need no token. Changes, and
//! responses that may contain personal data, need the token in the state directory.

mod application;
mod components;
mod configuration;
mod console;
mod edges;
mod events;
#[cfg(feature = "fault-points")]
mod fault_points;
mod faults;
mod flags;
mod logs;
mod named_host;
mod ofrep;
mod openapi;
mod query;
mod reply;
mod revisions;
mod route;
mod routes;
mod schedules;
mod token;
mod topology;
mod traces;
mod traffic;
mod views;

pub(crate) use application::{ApplicationName, EffectivePolicy};
pub(crate) use named_host::{AllowedHosts, host_name};
#[cfg(test)]
pub(crate) use routes::described;
pub(crate) use token::Token;
pub(crate) use traffic::TrafficCache;

use crate::calls::{Admission, EdgeList, OnTerms};
use crate::chaos::Faults;
use crate::engine::{InstanceBudget, Occupancy};
use crate::feature_flags::FeatureFlags;
use crate::readiness::Readiness;
use crate::rollouts::{Configurator, Rollouts};
use crate::telemetry::Telemetry;
use crate::triggers::runs::RunList;
use anyhow::Context as _;
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use reply::Reply;
use route::{Call, Handler, Route};
use routes::ROUTES;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tessera_events::Log;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be open: a client that does not read must not hold it forever.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait after the operating system has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A component in service.
pub(crate) struct ComponentStatus {
    pub(crate) id: Arc<str>,
    pub(crate) terms: Arc<dyn OnTerms>,
    pub(crate) instances: Arc<dyn Occupancy>,
    /// The file with its code.
    pub(crate) source: String,
    /// How long it took to read and compile its code, or to find it in the cache.
    pub(crate) loading: Duration,
    /// How long it took to define its imports and to prepare its instances.
    pub(crate) linking: Duration,
}

impl ComponentStatus {
    fn admission(&self) -> Arc<Admission> {
        self.terms.terms().admission.clone()
    }
}

/// The state that the listener shows.
#[derive(Clone)]
pub(crate) struct AdminState {
    pub(crate) application: Arc<ApplicationName>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) traffic: TrafficCache,
    pub(crate) components: Arc<[ComponentStatus]>,
    /// The calls to which policies apply.
    pub(crate) edges: Arc<EdgeList>,
    /// The feature flags.
    pub(crate) flags: Arc<FeatureFlags>,
    pub(crate) rollouts: Arc<Rollouts>,
    /// The policies of all calls in effect.
    pub(crate) policies: Arc<dyn Fn() -> Vec<EffectivePolicy> + Send + Sync>,
    /// Changes the configuration of components.
    pub(crate) configurator: Arc<dyn Configurator>,
    /// Schedules and cron triggers.
    pub(crate) runs: RunList,
    /// `None` if the host was started without `--chaos`.
    pub(crate) faults: Option<Arc<Faults>>,
    pub(crate) budget: Arc<InstanceBudget>,
    /// None if the application has nothing to do with events.
    pub(crate) events: Option<Arc<dyn Log>>,
    pub(crate) readiness: Arc<Readiness>,
}

/// Binds the address, before anything else starts.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("can't listen on {address} for metrics: choose another --admin-listen")
    })
}

/// Serves until the task is canceled, so that an operator can observe the shutdown of the
/// application.
#[expect(clippy::disallowed_methods, reason = "each connection has its own task, with a timeout")]
pub(crate) async fn serve(
    listener: TcpListener,
    state: AdminState,
    token: Token,
    hosts: AllowedHosts,
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!("an admin connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (state, token, hosts) = (state.clone(), token.clone(), hosts.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let service = service_fn(|request: Request<Incoming>| {
                let response = respond(request, &state, &token, &hosts);
                async move { Ok::<_, Infallible>(response.await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(socket), service);
            match tokio::time::timeout(CONNECTION_TIMEOUT, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("admin connection ended: {error}"),
                Err(_) => tracing::debug!("admin connection closed: it was open for too long"),
            }
        });
    }
}

/// The value of a parameter of a query.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Finds the route of a request, and serves it if the request may be made.
async fn respond(
    request: Request<Incoming>,
    state: &AdminState,
    token: &Token,
    hosts: &AllowedHosts,
) -> Reply {
    let path = request.uri().path();
    let found: Vec<(&Route, Vec<String>)> =
        ROUTES.iter().filter_map(|route| Some((route, route.values(path)?))).collect();
    let is_public = found.first().is_some_and(|(route, _)| route.every_name);
    if !is_public && !hosts.allow(&request) {
        return reply::named_host();
    }
    if found.is_empty() {
        return reply::nothing_here();
    }
    // HTTP sends no body in response to HEAD.
    let method = match request.method() {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let methods: Vec<_> = found.iter().map(|(route, _)| route.method).collect();
    let Some((route, path)) = found.into_iter().find(|(route, _)| route.method == method) else {
        return reply::method_not_allowed(&methods);
    };
    if route.token && !token.is_in(request.headers()) {
        return reply::unauthorized();
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (head, body) = request.into_parts();
    route.serve(Call { state, path, query, fields: head.headers, body }).await
}

impl Route {
    async fn serve(&self, call: Call<'_>) -> Reply {
        let state = call.state;
        match self.handler {
            Handler::Now(handler) => handler(&call),
            Handler::Later(handler) => handler(call).await,
            Handler::Events(handler) => match &state.events {
                Some(log) => {
                    handler(&**log, call).await.unwrap_or_else(|error| events::refused(&error))
                }
                None => events::none(),
            },
            Handler::Faults(handler) => match &state.faults {
                Some(faults) => handler(faults, call).await,
                None => faults::none(),
            },
        }
    }
}
