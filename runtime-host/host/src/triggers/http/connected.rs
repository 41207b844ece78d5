//! What all requests of one connection share, and what they do at the moment.

use super::clients::ConnectionPermit;
use super::limits::FrontLimits;
use super::{Service, headers};
use crate::telemetry::FrontLimit;
use http::HeaderValue;
use http::uri::Scheme;
use http_body::Body;
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

/// What goes on on a connection. All of it runs on one thread.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests that are not answered to their end.
    requests: AtomicU32,
    /// Requests that there have been.
    begun: AtomicU64,
    /// Requests whose body has not arrived in full.
    arriving: AtomicU32,
    /// Pieces of answers that the client has not taken yet.
    owed: AtomicU32,
    /// Pieces of answers that the client has taken.
    taken: AtomicU64,
    /// Writes to the socket that were done.
    written: AtomicU64,
    /// Whether the socket takes no more at the moment.
    blocked: AtomicBool,
}

/// What a connection waits for when its client has to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The socket takes no more, after this many writes.
    Socket(u64),
    /// Answers are not taken, after this many pieces.
    Reader(u64),
    /// There is no request, after this many.
    Request(u64),
    /// The connection was asked to end.
    End,
}

impl Activity {
    /// Whether a request that has arrived in full waits for its answer.
    pub(super) fn owes_an_answer(&self) -> bool {
        self.requests.load(Relaxed) > self.arriving.load(Relaxed)
    }

    /// How many requests there have been.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Relaxed) == 0
    }

    /// A write to the socket has ended, or can't go on.
    pub(super) fn wrote(&self, blocked: bool) {
        if !blocked {
            self.written.store(self.written.load(Relaxed).wrapping_add(1), Relaxed);
        }
        self.blocked.store(blocked, Relaxed);
    }

    /// What the client has to do next, if anything.
    pub(super) fn waiting(&self, multiplexed: bool, ending: bool) -> Option<Waiting> {
        if self.blocked.load(Relaxed) {
            return Some(Waiting::Socket(self.written.load(Relaxed)));
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

/// A request whose body has not arrived in full.
pub(super) struct Arriving(Arc<Connected>);

impl Arriving {
    /// None if there is no more of it to come.
    pub(super) fn begin(connected: &Arc<Connected>, body: &impl Body) -> Option<Self> {
        if body.is_end_stream() {
            return None;
        }
        connected.activity.arriving.fetch_add(1, Relaxed);
        Some(Self(connected.clone()))
    }

    pub(super) fn connected(&self) -> &Arc<Connected> {
        &self.0
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.activity.arriving.fetch_sub(1, Relaxed);
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
