//! What all requests of one connection share, and what they do at the moment.

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

/// A connection, as its requests see it.
pub(super) struct Connected {
    pub(super) service: Arc<Service>,
    /// Its client's address, as a header field.
    pub(super) client: HeaderValue,
    pub(super) address: IpAddr,
    pub(super) scheme: Scheme,
    pub(super) permit: ConnectionPermit,
    pub(super) activity: Activity,
    /// Whether it speaks HTTP/2.
    pub(super) multiplexed: bool,
}

/// What happens on a connection. All of it runs on one thread, but for the reading of a body by a
/// call that continues in the background.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests that are not answered to their end.
    requests: AtomicU32,
    /// Requests that there have been.
    begun: AtomicU64,
    /// Pieces of answers that the client has not taken yet.
    owed: AtomicU32,
    /// Pieces of answers that the client has taken.
    taken: AtomicU64,
    /// Bytes that the socket has taken.
    sent: AtomicU64,
    /// Whether the socket takes no more at the moment.
    blocked: AtomicBool,
    pub(super) half_close: HalfClose,
}

/// What a connection waits for when its client has to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The socket takes no more, after this many bytes.
    Socket(u64),
    /// Answers are not taken, after this many pieces.
    Reader(u64),
    /// There is no request, after this many.
    Request(u64),
    /// The connection was asked to end.
    End,
}

impl Activity {
    /// How many requests there have been.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Relaxed) == 0
    }

    /// The socket has taken some bytes.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// How many bytes the socket has taken.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Whether the socket takes no more.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Relaxed);
    }

    /// What the client has to do next, if anything.
    pub(super) fn waiting(&self, multiplexed: bool, ending: bool) -> Option<Waiting> {
        if self.blocked.load(Relaxed) {
            return Some(Waiting::Socket(self.sent()));
        }
        if self.owed.load(Relaxed) > 0 {
            return Some(Waiting::Reader(self.taken.load(Relaxed)));
        }
        // On HTTP/1 the library has its own timer for the time between requests.
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
            address: client.ip(),
            scheme,
            permit,
            activity: Activity::default(),
            multiplexed,
        }
    }

    pub(super) fn limits(&self) -> &FrontLimits {
        &self.permit.clients().limits
    }

    /// Count that something was refused or cut at a limit.
    pub(super) fn reached(&self, limit: FrontLimit) -> FrontLimit {
        self.permit.clients().reached(limit)
    }
}

/// A request that is not answered to its end. Dropping it means that it is, or never will be.
pub(super) struct InFlight(Arc<Connected>);

impl InFlight {
    /// None if the client has as many as it may have.
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

/// An answer that is a stream.
pub(super) struct Streaming(Arc<Connected>);

impl Streaming {
    /// None if the client has as many as it may have.
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

/// A piece of an answer on its way out.
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
    /// A connection to an application that always answers the same, with these flags.
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
        let service = Arc::new(Service { router, registry: Arc::default(), loopback });
        let client = SocketAddr::from(([192, 0, 2, 1], 1));
        let permit = Clients::of_test(flags).connect(client.ip()).unwrap();
        Arc::new(Self::new(service, client, Scheme::HTTP, permit, multiplexed))
    }
}
