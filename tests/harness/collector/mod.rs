//! An OpenTelemetry collector: receives OTLP over HTTP and gRPC, and keeps what it has accepted.
//!
//! The messages are decoded by the official definitions, not by code of the host.

mod messages;
mod server;

pub use messages::{Attributes, CollectedLog, CollectedPoint, CollectedSpan, attributes, hex};

use bytes::Bytes;
use http::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use prost::Message;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The timeout for what is expected.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The collector. It ends when the test ends.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    state: Arc<State>,
    changed: watch::Receiver<usize>,
}

#[derive(Debug)]
struct State {
    requests: Mutex<Vec<Received>>,
    refusals: Mutex<VecDeque<Refusal>>,
    changed: watch::Sender<usize>,
}

/// A response other than that all is well.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// A status of HTTP, with a header field.
    Status(u16, Option<(&'static str, &'static str)>),
    /// A status of gRPC.
    Grpc(&'static str),
    /// The request is accepted, but this number of items is not.
    Partial(u8),
    /// No response.
    Never,
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its path.
    pub path: String,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Whether it was accepted.
    pub is_accepted: bool,
    message: Bytes,
}

impl Collector {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, changed) = watch::channel(0);
        let state = Arc::new(State {
            requests: Mutex::default(),
            refusals: Mutex::default(),
            changed: sender,
        });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| server::serve(request, state.clone()));
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, state, changed }
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses the next request that is not refused yet.
    pub fn refuse(&self, refusal: Refusal) {
        self.state.refusals.lock().expect("the refusals").push_back(refusal);
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.state.requests.lock().expect("the requests").clone()
    }

    /// The requests, once they are as wanted.
    pub async fn requests_with(&self, wanted: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        self.found(|| Some(self.requests()).filter(|all| wanted(all))).await
    }

    /// The spans that were accepted, once they are as wanted.
    pub async fn spans_with(
        &self,
        wanted: impl Fn(&[CollectedSpan]) -> bool,
    ) -> Vec<CollectedSpan> {
        self.found(|| Some(self.spans()).filter(|all| wanted(all))).await
    }

    /// The log records that were accepted, once there is one as wanted.
    pub async fn log_with(&self, wanted: impl Fn(&CollectedLog) -> bool) -> CollectedLog {
        self.found(|| self.logs().into_iter().find(&wanted)).await
    }

    /// The data points that were accepted, once there is one as wanted.
    pub async fn point_with(&self, wanted: impl Fn(&CollectedPoint) -> bool) -> CollectedPoint {
        self.found(|| self.points().into_iter().find(&wanted)).await
    }

    async fn found<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let mut changed = self.changed.clone();
        let found = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look() {
                    return found;
                }
                changed.changed().await.expect("the collector runs");
            }
        };
        match tokio::time::timeout(TIMEOUT, found).await {
            Ok(found) => found,
            Err(_) => panic!("not received: {:#?}", self.summary()),
        }
    }

    /// What was accepted, in short.
    fn summary(&self) -> Vec<String> {
        let paths =
            self.requests().into_iter().map(|one| format!("{} {}", one.path, one.is_accepted));
        let spans = self
            .spans()
            .into_iter()
            .map(|one| format!("span {} {:?}", one.span.name, one.attributes));
        let logs =
            self.logs().into_iter().map(|one| format!("log {} {:?}", one.body, one.attributes));
        let points = self.points().into_iter();
        let points = points.map(|one| format!("{} {:?} {}", one.name, one.attributes, one.value));
        paths.chain(spans).chain(logs).chain(points).collect()
    }

    /// The spans that were accepted.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.decoded("trace").flat_map(messages::spans).collect()
    }

    /// The log records that were accepted.
    pub fn logs(&self) -> Vec<CollectedLog> {
        self.decoded("log").flat_map(messages::logs).collect()
    }

    /// The data points that were accepted.
    pub fn points(&self) -> Vec<CollectedPoint> {
        self.decoded("metric").flat_map(messages::points).collect()
    }

    fn decoded<M: Message + Default>(&self, kind: &str) -> impl Iterator<Item = M> {
        let of_kind = |one: &Received| one.is_accepted && one.path.contains(kind);
        let requests: Vec<_> = self.requests().into_iter().filter(of_kind).collect();
        requests.into_iter().map(|one| M::decode(one.message).expect("a message of OTLP"))
    }
}
