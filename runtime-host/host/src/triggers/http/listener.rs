//! Sockets: accept connections, refuse those over a limit, and stop gracefully.

use super::clients::Clients;
use super::connection::Connection;
use super::{Service, Workers};
use crate::telemetry::FrontLimit;
use anyhow::Context as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// How long to wait after the operating system has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The minimum interval between log lines about refused connections.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Ports that are tried to find a free one.
const PORTS_TRIED_MAX: u16 = 10;

/// A bound socket that is not served yet: its address is known before the first connection.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// How a listener stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrainOutcome {
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

    /// Binds the first of the next ports that no other process uses.
    pub(crate) async fn bind_free(
        mut address: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> anyhow::Result<Self> {
        let ports = address.port()..=address.port().saturating_add(PORTS_TRIED_MAX - 1);
        for port in ports.clone() {
            address.set_port(port);
            match TcpListener::bind(address).await {
                Ok(socket) => return Ok(Self { socket, tls }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(explain(error, address)),
            }
        }
        anyhow::bail!(
            "other processes listen on all ports of {} from {} to {}: choose another one (port 0 \
             takes a free one)",
            address.ip(),
            ports.start(),
            ports.end()
        )
    }

    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.socket.local_addr().context("the listener has no address")
    }

    /// Serve these clients with these threads until `stop` becomes true, then let requests in
    /// flight finish for at most `patience`.
    pub(crate) async fn serve(
        self,
        service: Arc<Service>,
        clients: Arc<Clients>,
        workers: Arc<Workers>,
        mut stop: watch::Receiver<bool>,
        patience: Duration,
    ) -> DrainOutcome {
        let connections = TaskTracker::new();
        let mut refusals = Refusals::default();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.accept() => accepted,
            };
            let Some((socket, client)) = accepted else { continue };
            // Refused immediately instead of left in the queue, because the next connection may be
            // another client's.
            let permit = match clients.connect(client.ip()) {
                Ok(permit) => permit,
                Err(limit) => {
                    refusals.log(client, limit);
                    continue;
                }
            };
            let connection = Connection {
                client,
                tls: self.tls.clone(),
                service: service.clone(),
                permit,
                stop: stop.clone(),
                open: connections.token(),
            };
            workers.serve(connection.run(socket));
        }
        drop(self.socket);
        connections.close();
        match tokio::time::timeout(patience, connections.wait()).await {
            Ok(()) => DrainOutcome::Complete,
            Err(_) => DrainOutcome::Cut,
        }
    }

    async fn accept(&self) -> Option<(std::net::TcpStream, SocketAddr)> {
        // Away from this runtime's event queue: the socket will be watched by a worker's.
        let accepted = self.socket.accept().await;
        match accepted.and_then(|(socket, client)| Ok((socket.into_std()?, client))) {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

/// Logs refused connections, but not each of them.
#[derive(Default)]
struct Refusals {
    logged: Option<Instant>,
}

impl Refusals {
    fn log(&mut self, client: SocketAddr, limit: FrontLimit) {
        if self.logged.is_some_and(|at| at.elapsed() < REFUSAL_LOG_INTERVAL) {
            return;
        }
        self.logged = Some(Instant::now());
        let flag = limit.name().replace('_', "-");
        tracing::warn!(%client, "a connection was refused: the limit --{flag} is reached");
    }
}

fn explain(error: io::Error, address: SocketAddr) -> anyhow::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there: stop it, or choose another address (port 0 takes \
             a free one, and `--find-free-port` one of the next)"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need more rights: choose a higher one",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "choose another address",
    };
    anyhow::anyhow!("can't listen on {address}: {error}; {advice}")
}
