//! What the operator sets for outbound requests of all components.

use super::blocked_networks::BlockedNetworks;
use crate::capabilities::connection_limits::{ConnectionLimits, Counter};
use rustls::ClientConfig;
use std::fmt;
use std::sync::Arc;

/// What the operator sets for outbound requests.
#[derive(Debug, Clone)]
pub(crate) struct OutboundPolicy {
    /// Whether connections are used again.
    pub(crate) pooling: bool,
    pub(crate) limits: ConnectionLimits,
    pub(crate) blocked: BlockedNetworks,
    /// The first entry for a component and a host counts.
    pub(crate) client_tls: Vec<ClientTls>,
}

/// The certificates for requests of some components to some hosts.
#[derive(Clone)]
pub(crate) struct ClientTls {
    pub(crate) components: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) config: Arc<ClientConfig>,
}

/// What the operator sets for each connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) blocked: Arc<BlockedNetworks>,
    pub(super) counter: Counter,
}

impl Default for OutboundPolicy {
    fn default() -> Self {
        let (limits, blocked, client_tls) = Default::default();
        Self { pooling: true, limits, blocked, client_tls }
    }
}

impl ClientTls {
    /// Whether it is for requests of this component to this host.
    pub(super) fn is_for(&self, component: &str, host: &str) -> bool {
        self.components.iter().any(|one| one == component)
            && self.hosts.iter().any(|one| one.eq_ignore_ascii_case(host))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ClientTls");
        shown.field("components", &self.components).field("hosts", &self.hosts);
        shown.finish_non_exhaustive()
    }
}
