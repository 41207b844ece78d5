//! State that all requests of one connection share, and their current activity.

use super::clients::ConnectionPermit;
use super::half_close::HalfClose;
use super::limits::FrontLimits;
use super::{Service, headers};
use crate::telemetry::FrontLimit;
use http::HeaderValue;
use http::uri::Scheme;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// The shared state of a connection.
pub(super) struct Connected {
    pub(super) service: Arc<Service>,
    /// The client's address, as a header field.
    pub(super) client: HeaderValue,
    /// The address that the client is counted by.
    pub(super) address: IpAddr,
    pub(super) scheme: Scheme,
    pub(super) permit: ConnectionPermit,
    pub(super) activity: Activity,
    /// Whether it speaks HTTP/2.
    pub(super) multiplexed: bool,
}

/// The activity on a connection. It is updated on one thread, except when a call in the background
/// reads a body.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests whose responses are not complete.
    requests: AtomicU32,
    /// Requests in total.
    begun: AtomicU64,
    /// Chunks of responses that the client has not received yet.
    owed: AtomicU32,
    /// Chunks of responses that the client has received.
    taken: AtomicU64,
    /// Bytes that the socket has accepted.
    sent: AtomicU64,
    /// Whether the socket currently accepts no more bytes.
    blocked: AtomicBool,
    pub(super) half_close: HalfClose,
}

/// The action of the client that a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Reading: the socket accepts no more, after this many bytes.
    Socket(u64),
    /// Reading: responses are not received, after this many chunks.
    Reader(u64),
    /// Sending a request, after this many.
    Request(u64),
    /// Closing the connection, after it was asked to.
    End,
}

impl Activity {
    /// The total number of requests.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Relaxed) == 0
    }

    /// Count bytes that the socket has accepted.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// The number of bytes that the socket has accepted.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Set whether the socket accepts no more bytes.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Relaxed);
    }

    /// The action of the client that the connection waits for, if any.
    pub(super) fn waiting(&self, multiplexed: bool, ending: bool) -> Option<Waiting> {
        if self.blocked.load(Relaxed) {
            return Some(Waiting::Socket(self.sent()));
        }
        if self.owed.load(Relaxed) > 0 {
            return Some(Waiting::Reader(self.taken.load(Relaxed)));
        }
        // On HTTP/1, hyper has its own timer for the time between requests.
        let idle = multiplexed && self.is_idle();
        idle.then(|| match ending {
            true => Waiting::End,
            false => Waiting::Request(self.begun()),
        })
    }
}

impl Connected {
    pub(super) fn new(
        service: Arc<Service>,
        client: SocketAddr,
        scheme: Scheme,
        permit: ConnectionPermit,
        multiplexed: bool,
    ) -> Self {
        Self {
            service,
            client: headers::client_address(client),
            address: permit.client_address(),
            scheme,
            permit,
            activity: Activity::default(),
            multiplexed,
        }
    }

    pub(super) fn limits(&self) -> &FrontLimits {
        &self.permit.clients().limits
    }

    /// Count that a limit was reached.
    pub(super) fn reached(&self, limit: FrontLimit) -> FrontLimit {
        self.permit.clients().reached(limit)
    }
}

/// A request whose response is not complete. It is dropped when the response is complete or was
/// aborted.
pub(super) struct InFlight(Arc<Connected>);

impl InFlight {
    /// `None` if the client has reached its limit.
    pub(super) fn begin(connected: &Arc<Connected>) -> Option<Self> {
        if !connected.permit.begin_request() {
            connected.reached(FrontLimit::RequestsPerAddress);
            return None;
        }
        connected.activity.requests.fetch_add(1, Relaxed);
        connected.activity.begun.fetch_add(1, Relaxed);
        Some(Self(connected.clone()))
    }

    pub(super) fn connected(&self) -> &Arc<Connected> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.activity.requests.fetch_sub(1, Relaxed);
        self.0.permit.end_request();
    }
}

/// A streamed response.
pub(super) struct Streaming(Arc<Connected>);

impl Streaming {
    /// `None` if the client has reached its limit.
    pub(super) fn begin(connected: &Arc<Connected>) -> Option<Self> {
        if !connected.permit.begin_stream() {
            connected.reached(FrontLimit::StreamsPerAddress);
            return None;
        }
        Some(Self(connected.clone()))
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.permit.end_stream();
    }
}

/// A chunk of a response that is being sent.
pub(super) struct Owed(Arc<Connected>);

impl Owed {
    pub(super) fn to(connected: &Arc<Connected>) -> Self {
        connected.activity.owed.fetch_add(1, Relaxed);
        Self(connected.clone())
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.0.activity.owed.fetch_sub(1, Relaxed);
        self.0.activity.taken.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
impl Connected {
    /// A connection to an application with a static response, with these flags.
    pub(super) fn of_test(multiplexed: bool, flags: &[&str]) -> Arc<Self> {
        use super::{Clients, Router};
        const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
[[trigger.http]]
route = "/..."
static_response = { body = "x" }
"#;
        let app = tessera_manifest::parse(std::path::Path::new("/app/spin.toml"), MANIFEST);
        let router = Router::new(&app.unwrap()).unwrap();
        let loopback = crate::calls::Loopback::default();
        let service = Arc::new(Service {
            router,
            registry: Arc::default(),
            loopback,
            telemetry: Arc::default(),
            well_known: Default::default(),
            logs_access: false,
            as_stock: false,
        });
        let client = SocketAddr::from(([192, 0, 2, 1], 1));
        let permit = Clients::of_test(flags).connect(client.ip()).unwrap();
        Arc::new(Self::new(service, client, Scheme::HTTP, permit, multiplexed))
    }
}
