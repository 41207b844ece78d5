//! Sockets: accept, upgrade to TLS, serve HTTP/1.1 and HTTP/2, and stop in good order.

use super::protocol::{self, HEAD_TIMEOUT, Protocol};
use super::service::Origin;
use super::{Service, Workers};
use anyhow::Context as _;
use http::uri::Scheme;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 10_000;
/// How long to wait after the operating system has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket that is not served yet: the address is known before anybody can come in.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// How a listener stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drain {
    /// Every request that was in flight got its answer.
    Complete,
    /// The patience ran out.
    Cut,
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> anyhow::Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(|error| explain(error, address))?;
        Ok(Self { socket, tls })
    }

    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.socket.local_addr().context("the listener has no address")
    }

    /// Serve with these threads until `stop` turns true, then let requests in flight finish,
    /// for at most `patience`.
    pub(crate) async fn serve(
        self,
        service: Arc<Service>,
        workers: Arc<Workers>,
        mut stop: watch::Receiver<bool>,
        patience: Duration,
    ) -> Drain {
        let connections = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.accept(&places) => accepted,
            };
            let Some((socket, client, place)) = accepted else { continue };
            let connection = Connection {
                client,
                tls: self.tls.clone(),
                service: service.clone(),
                watcher: connections.watcher(),
                stop: stop.clone(),
                _place: place,
            };
            workers.serve(connection.run(socket));
        }
        drop(self.socket);
        match tokio::time::timeout(patience, connections.shutdown()).await {
            Ok(()) => Drain::Complete,
            Err(_) => Drain::Cut,
        }
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> Option<(std::net::TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = places.clone().acquire_owned().await.ok()?;
        // Away from this runtime's event queue: the socket will be watched by a worker's.
        let accepted = self.socket.accept().await;
        match accepted.and_then(|(socket, client)| Ok((socket.into_std()?, client))) {
            Ok((socket, client)) => Some((socket, client, place)),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

struct Connection {
    client: SocketAddr,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    watcher: Watcher,
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(mut self, socket: std::net::TcpStream) {
        let socket = match TcpStream::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::warn!("a connection could not be served: {error}"),
        };
        // Without it the kernel holds small answers back for up to 40 ms.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
        let Some(tls) = self.tls.clone() else {
            let Some(protocol) = self.first_bytes(&socket).await else { return };
            return self.serve(socket, Scheme::HTTP, protocol).await;
        };
        match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(socket)).await {
            Ok(Ok(stream)) => {
                let protocol = Protocol::agreed(stream.get_ref().1.alpn_protocol());
                self.serve(stream, Scheme::HTTPS, protocol).await;
            }
            Ok(Err(error)) => tracing::debug!(client = %self.client, "TLS handshake: {error}"),
            Err(_) => tracing::debug!(client = %self.client, "TLS handshake: too slow"),
        }
    }

    /// What the client begins with, if it does so in time and before the host stops.
    async fn first_bytes(&mut self, socket: &TcpStream) -> Option<Protocol> {
        let begun = tokio::time::timeout(HEAD_TIMEOUT, Protocol::of(socket));
        tokio::select! {
            biased;
            begun = begun => begun.ok()?.ok()?,
            _ = self.stop.wait_for(|stop| *stop) => None,
        }
    }

    async fn serve<S>(self, stream: S, scheme: Scheme, protocol: Protocol)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { service, client, watcher, _place, .. } = self;
        // One pointer to what all requests of the connection share.
        let shared = Arc::new((service, Origin::new(client, scheme)));
        let answer = service_fn(move |request| {
            let shared = shared.clone();
            async move {
                let (service, origin) = &*shared;
                Ok::<_, Infallible>(service.serve(request, origin).await)
            }
        });
        let stream = TokioIo::new(stream);
        let ended = match protocol {
            Protocol::Http1 => {
                let connection = protocol::http1().serve_connection(stream, answer);
                watcher.watch(connection).await.map_err(Into::into)
            }
            Protocol::Unclear => {
                let connection = protocol::either().serve_connection(stream, answer).into_owned();
                watcher.watch(connection).await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%client, "connection ended: {error}");
        }
    }
}

fn explain(error: io::Error, address: SocketAddr) -> anyhow::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there: stop it, or choose another address (port 0 takes \
             a free one)"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need more rights: choose a higher one",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "choose another address",
    };
    anyhow::anyhow!("can't listen on {address}: {error}; {advice}")
}
