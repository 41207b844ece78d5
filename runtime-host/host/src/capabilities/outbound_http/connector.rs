//! Connections to other hosts: name, TCP and TLS, together within the time that the component
//! allows, and within the rules of the operator.

use super::blocked_networks::BlockedNetworks;
use super::counted::Counted;
use super::failure::{ConnectError, ResolveError};
use super::policy::Rules;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

/// The time for a connection if the component sets none.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

tokio::task_local! {
    /// The time for a connection that this task needs. The client passes only a URI on.
    pub(super) static CONNECT_WITHIN: Duration;
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, ConnectError>> + Send>>;
type Tls = MaybeHttpsStream<Counted>;

/// Makes connections with these roots of trust.
#[derive(Clone)]
pub(super) struct Connector(HttpsConnector<Tcp>);

impl Connector {
    pub(super) fn new(trust: ClientConfig, rules: Rules) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(rules.blocked.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(trust)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(Tcp { connector: tcp, rules });
        Self(tls)
    }
}

impl Service<Uri> for Connector {
    type Response = Tls;
    type Error = ConnectError;
    type Future = Connecting<Tls>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.0.poll_ready(cx).map_err(ConnectError::of_tls)
    }

    fn call(&mut self, uri: Uri) -> Connecting<Tls> {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            let within = CONNECT_WITHIN.try_get().unwrap_or(CONNECT_TIMEOUT);
            match timeout(within, connecting).await {
                Ok(connected) => connected.map_err(ConnectError::of_tls),
                Err(_) => Err(ConnectError::Timeout(within)),
            }
        })
    }
}

/// Makes TCP connections, whose failures are distinct from those of TLS.
#[derive(Clone)]
struct Tcp {
    connector: HttpConnector<Resolver>,
    rules: Rules,
}

impl Service<Uri> for Tcp {
    type Response = Counted;
    type Error = ConnectError;
    type Future = Connecting<Counted>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.connector.poll_ready(cx).map_err(|error| ConnectError::of_tcp(&error))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // An address is not resolved.
        let address = uri.host().and_then(|host| bare(host).parse::<IpAddr>().ok());
        let blocked = address.filter(|address| self.rules.blocked.contain(*address));
        let counter = self.rules.counter.clone();
        let connecting = self.connector.call(uri);
        Box::pin(async move {
            if let Some(address) = blocked {
                return Err(ConnectError::Blocked(address));
            }
            let counted = counter.count().await;
            let stream: TokioIo<TcpStream> =
                connecting.await.map_err(|error| ConnectError::of_tcp(&error))?;
            Ok(Counted { stream, _counted: counted })
        })
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Resolves names with the operating system, to addresses that are not blocked.
#[derive(Clone)]
struct Resolver(Arc<BlockedNetworks>);

type Resolving =
    Pin<Box<dyn Future<Output = Result<std::vec::IntoIter<SocketAddr>, ResolveError>> + Send>>;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Resolving;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        let blocked = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(ResolveError::Unknown)?;
            let allowed = blocked.without(found).map_err(ResolveError::Blocked)?;
            Ok(allowed.into_iter())
        })
    }
}
