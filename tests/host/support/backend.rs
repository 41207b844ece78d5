//! A server whose responses the test sends.
//!
//! Guests send requests to it, so a test knows the state of a guest and decides when it continues,
//! without a clock.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

type Reply = Response<Full<Bytes>>;

/// The server. It ends when the test ends.
pub(crate) struct Backend {
    address: SocketAddr,
    received: mpsc::UnboundedReceiver<Received>,
    connections: Arc<AtomicUsize>,
}

/// A request without a response yet.
pub(crate) struct Received {
    pub(crate) request: Request<Bytes>,
    reply: oneshot::Sender<Reply>,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = mpsc::unbounded_channel();
        let connections = Arc::<AtomicUsize>::default();
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let sender = sender.clone();
                let service = service_fn(move |request| serve(request, sender.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        Self { address, received, connections }
    }

    /// A URL at this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its entry in `allowed_outbound_hosts`.
    pub(crate) fn origin(&self) -> String {
        self.url("")
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Received {
        super::soon(self.received.recv()).await.expect("a request")
    }

    /// The next request, without a timeout.
    pub(crate) async fn next_or_never(&mut self) -> Received {
        match self.received.recv().await {
            Some(received) => received,
            None => std::future::pending().await,
        }
    }

    /// The next requests, without responding to any of them.
    pub(crate) async fn next_all(&mut self, count: usize) -> Vec<Received> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.next().await);
        }
        all
    }

    /// Whether no other request has arrived.
    pub(crate) fn idle(&mut self) -> bool {
        self.received.try_recv().is_err()
    }

    /// How many connections have been made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<Received>,
) -> Result<Reply, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (reply, answer) = oneshot::channel();
    // If the test has ended, no one receives the request.
    let _ = sender.send(Received { request: Request::from_parts(parts, body), reply });
    let none = || {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    };
    Ok(answer.await.unwrap_or_else(|_| none()))
}

impl Received {
    /// Respond to it.
    pub(crate) fn answer(self, status: u16, body: &str) {
        let response = Response::builder().status(status).body(Full::from(body.to_owned()));
        // The client may have disconnected.
        let _ = self.reply.send(response.expect("a response"));
    }

    /// Respond to it with any header fields and bytes.
    pub(crate) fn answer_with(self, response: Response<Bytes>) {
        // The client may have disconnected.
        let _ = self.reply.send(response.map(Full::new));
    }

    /// Wait until the client has disconnected.
    pub(crate) async fn abandoned(mut self) {
        super::soon(self.reply.closed()).await;
    }

    /// A header field as text, empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}
