//! The HTTP client for requests that leave the process: pooled connections, TLS.

use super::blocked_networks::BlockedNetworks;
use super::connector::{CONNECT_TIMEOUT, CONNECT_WITHIN, Connector};
use super::failure::Failure;
use super::policy::{ClientTls, OutboundPolicy, Rules};
use super::trust;
use crate::capabilities::connection_limits::Connections;
use crate::message::{Body, BodyError, Request, Response};
use http::Uri;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;

/// Idle connections that are kept to each host.
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 64;
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The authority of a server that speaks HTTP/2 without TLS, as in stock Spin: for development.
const H2C_HOST: &str = "SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE";

type Pool = legacy::Client<Connector, Body>;

/// One client for the whole process: connections are shared by all components.
pub(crate) struct Client {
    others: Pool,
    /// For the application's own address, which no rule of the operator concerns.
    own: Pool,
    /// For one server, with its authority.
    h2c: Option<(String, Pool)>,
    /// For some components and servers.
    client_tls: Vec<(ClientTls, Pool)>,
    blocked: Arc<BlockedNetworks>,
    connections: Connections,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination<'a> {
    /// The application itself, by a name that means it on any host.
    Itself,
    /// The server in the URI, for this component.
    Other { component: &'a str },
}

impl Client {
    /// `own` is the certificate of the application's own address.
    #[expect(clippy::disallowed_methods, reason = "stock Spin has only the variable, and no flag")]
    pub(crate) fn new(
        own: Option<CertificateDer<'static>>,
        policy: &OutboundPolicy,
    ) -> anyhow::Result<Self> {
        let connections = policy.limits.connections();
        let counter = connections.http.clone();
        let rules = Rules { blocked: Arc::new(policy.blocked.clone()), counter };
        let builder = || builder(policy.pooling);
        let public = Connector::new(trust::public()?, rules.clone());
        let own = own.map_or_else(trust::public, trust::only)?;
        let own = Connector::new(own, Rules::default());
        let h2c = std::env::var(H2C_HOST).ok();
        let h2c_pool = || builder().http2_only(true).build(public.clone());
        let with_tls = |tls: &ClientTls| {
            let connector = Connector::new((*tls.config).clone(), rules.clone());
            (tls.clone(), builder().build(connector))
        };
        Ok(Self {
            own: builder().build(own),
            h2c: h2c.map(|authority| (authority, h2c_pool())),
            client_tls: policy.client_tls.iter().map(with_tls).collect(),
            others: builder().build(public),
            blocked: rules.blocked,
            connections,
        })
    }

    /// The networks that the operator lets no component reach.
    pub(super) fn blocked(&self) -> &Arc<BlockedNetworks> {
        &self.blocked
    }

    /// What counts the connections of all drivers.
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Sends a request of the host itself.
    pub(crate) async fn fetch(&self, request: Request) -> anyhow::Result<Response> {
        let to = Destination::Other { component: "" };
        let sent = self.send(request, to, CONNECT_TIMEOUT).await;
        sent.map_err(|failure| anyhow::anyhow!("{}", failure.reason))
    }

    /// Sends a request with an absolute URI. Ends with the head of the answer.
    pub(super) async fn send(
        &self,
        request: Request,
        to: Destination<'_>,
        connect_within: Duration,
    ) -> Result<Response, Failure> {
        let pool = self.pool(request.uri(), to);
        let response = CONNECT_WITHIN.scope(connect_within, pool.request(request)).await;
        let response = response.map_err(|error| Failure::from(&error))?;
        Ok(response.map(|body| body.map_err(BodyError::from).boxed_unsync()))
    }

    fn pool(&self, uri: &Uri, to: Destination<'_>) -> &Pool {
        let component = match to {
            Destination::Itself => return &self.own,
            Destination::Other { component } => component,
        };
        let host = uri.host().unwrap_or_default();
        let found = if uri.scheme() == Some(&http::uri::Scheme::HTTP) {
            let authority = uri.authority().map(http::uri::Authority::as_str);
            self.h2c
                .as_ref()
                .filter(|(h2c, _)| authority == Some(h2c.as_str()))
                .map(|(_, pool)| pool)
        } else {
            let of_component = |(tls, _): &&(ClientTls, Pool)| tls.is_for(component, host);
            self.client_tls.iter().find(of_component).map(|(_, pool)| pool)
        };
        found.unwrap_or(&self.others)
    }
}

fn builder(pooling: bool) -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .pool_max_idle_per_host(if pooling { IDLE_CONNECTIONS_PER_HOST_MAX } else { 0 })
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_timer(TokioTimer::new());
    builder
}
