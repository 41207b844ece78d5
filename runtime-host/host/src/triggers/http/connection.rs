//! The life of one connection: handshake, HTTP version, requests, close.

use super::clients::ConnectionPermit;
use super::connected::Connected;
use super::protocol::{self, Protocol};
use super::watchdog::supervise;
use super::watched::Watched;
use super::{Service, service};
use crate::telemetry::FrontLimit;
use bytes::Bytes;
use http::uri::Scheme;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// An accepted connection.
pub(super) struct Connection {
    pub(super) client: SocketAddr,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) service: Arc<Service>,
    pub(super) permit: ConnectionPermit,
    pub(super) stop: watch::Receiver<bool>,
    /// Notifies the listener that the connection is open.
    pub(super) open: TaskTrackerToken,
}

impl Connection {
    pub(super) async fn run(self, socket: std::net::TcpStream) {
        let socket = match TcpStream::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::warn!("a connection could not be served: {error}"),
        };
        // Without it, the kernel delays small responses by up to 40 ms.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
        let end = Instant::now() + self.permit.clients().limits.head_timeout();
        let Some(tls) = self.tls.clone() else {
            return self.serve(socket, Scheme::HTTP, None, end).await;
        };
        match timeout_at(end, tls.accept(socket)).await {
            Ok(Ok(stream)) => {
                let agreed = Protocol::agreed(stream.get_ref().1.alpn_protocol());
                self.serve(stream, Scheme::HTTPS, agreed, end).await;
            }
            Ok(Err(error)) => tracing::debug!(client = %self.client, "TLS handshake: {error}"),
            Err(_) => self.too_slow(),
        }
    }

    fn too_slow(&self) {
        self.permit.clients().reached(FrontLimit::HeadTimeout);
    }

    /// Serve a connection with a negotiated protocol, or one whose first bytes show the protocol.
    async fn serve<S>(
        mut self,
        mut stream: S,
        scheme: Scheme,
        agreed: Option<Protocol>,
        end: Instant,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begun = match agreed {
            Some(protocol) => Some((protocol, Bytes::new())),
            None => self.first_bytes(&mut stream, end).await,
        };
        let Some((protocol, begins)) = begun else { return };
        let Self { client, service, permit, mut stop, open, .. } = self;
        let multiplexed = protocol == Protocol::Http2;
        let connected = Arc::new(Connected::new(service, client, scheme, permit, multiplexed));
        let shared = connected.clone();
        let answer = service_fn(move |request| {
            let answer = service::serve(shared.clone(), request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let stream = TokioIo::new(Watched::new(stream, begins, connected.clone()));
        let failed = match protocol {
            Protocol::Http1 => {
                let connection = protocol::http1(connected.limits());
                let mut connection = connection.serve_connection(stream, answer);
                let ended = supervise(
                    &mut connection,
                    |it| Pin::new(&mut **it.get_mut()).graceful_shutdown(),
                    &connected,
                    &mut stop,
                );
                let failed = ended.await.and_then(Result::err);
                if failed.as_ref().is_some_and(hyper::Error::is_timeout) {
                    let left = connection.into_parts();
                    // hyper's timer also runs between requests, when there is no head.
                    if connected.activity.begun() == 0 || !left.read_buf.is_empty() {
                        connected.reached(FrontLimit::HeadTimeout);
                    }
                }
                failed
            }
            Protocol::Http2 => {
                let connection = protocol::http2().serve_connection(stream, answer);
                let ended =
                    supervise(connection, |it| it.graceful_shutdown(), &connected, &mut stop);
                ended.await.and_then(Result::err)
            }
        };
        if let Some(error) = failed {
            tracing::debug!(%client, "connection ended: {error}");
        }
        drop(open);
    }

    /// The first bytes of the client, if they arrive in time and before the host stops.
    async fn first_bytes(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        end: Instant,
    ) -> Option<(Protocol, Bytes)> {
        let begun = timeout_at(end, Protocol::read(stream));
        let begun = tokio::select! {
            biased;
            begun = begun => begun,
            _ = self.stop.wait_for(|stop| *stop) => return None,
        };
        match begun {
            Ok(begun) => begun.ok()?,
            Err(_) => {
                self.too_slow();
                None
            }
        }
    }
}
