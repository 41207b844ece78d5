//! What the drivers of other servers (databases, message brokers, sockets) share: the permission to
//! connect, and one operation on a connection.

use crate::calls::Kind;
use crate::capabilities::State;
use crate::telemetry::{Outcome, Span, SpanKind};
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use tessera_resilience::Deadline;

/// The address of a server, as far as a log may show it: without user, password and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// In lowercase, for example `redis`.
    pub(super) scheme: &'a str,
    /// A name or an address. An IPv6 address may have brackets.
    pub(super) host: &'a str,
    /// `None` for the default port of the scheme.
    pub(super) port: Option<u16>,
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        write!(f, "{scheme}://{host}")?;
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Why an operation on another server failed.
#[derive(Debug)]
pub(super) enum RemoteError<E> {
    /// The server or the connection to it failed.
    Failed(E),
    /// The deadline of the call has passed. Whether the server did the work is not known.
    DeadlineExceeded,
}

impl<E: fmt::Display> fmt::Display for RemoteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::DeadlineExceeded => f.write_str("the deadline of the call has passed"),
        }
    }
}

/// An operation on another server: one span, which is not longer than the call that it belongs to.
pub(super) struct RemoteOperation {
    deadline: Deadline,
    span: Span,
}

impl State {
    /// Whether the manifest lets the component connect to this address. The log says what is missing.
    pub(super) fn may_connect(&self, target: Target<'_>) -> bool {
        let Target { scheme, host, port } = target;
        let outbound = &self.guest.grants.outbound;
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if address.is_ok_and(|address| outbound.blocks(address)) {
            tracing::warn!(
                component = %self.component.id,
                "the operator blocks `{target}` (`block_networks`)"
            );
            return false;
        }
        let allowed = outbound.allows_host(scheme, host, port);
        if !allowed {
            tracing::warn!(
                component = %self.component.id,
                "it may not connect to `{target}`: add this address to its `allowed_outbound_hosts`"
            );
        }
        allowed
    }

    /// Begins an operation, for example `redis.get`.
    pub(super) fn remote_operation(&self, name: &'static str) -> RemoteOperation {
        let span = self.span(SpanKind::Outbound, name);
        RemoteOperation { deadline: self.call.deadline, span }
    }
}

impl RemoteOperation {
    /// Waits for the work, until the deadline of the call.
    pub(super) async fn run<T, E>(
        mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, RemoteError<E>> {
        let (outcome, result) = match self.deadline.limit(work).await {
            Ok(Ok(value)) => (Outcome::Ok, Ok(value)),
            Ok(Err(error)) => (Outcome::Refused, Err(RemoteError::Failed(error))),
            Err(_) => (Kind::DeadlineExceeded.outcome(), Err(RemoteError::DeadlineExceeded)),
        };
        self.span.end(outcome);
        result
    }
}
