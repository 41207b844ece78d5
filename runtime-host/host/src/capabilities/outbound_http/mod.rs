//! Requests that guests send: to other components of the application, to the application's own
//! address, and to other hosts. Only to hosts that the manifest allows.

mod between_bytes;
mod blocked_networks;
mod bodiless;
mod client;
mod connector;
mod counted;
mod download;
mod errors;
mod failure;
mod faults;
mod freshness;
mod hooks;
mod host_policies;
mod kept;
mod own;
mod policy;
mod replay;
mod resolve;
mod sender;
mod timeouts;
pub(super) mod trust;
mod without_host;

pub(crate) use blocked_networks::BlockedNetworks;
pub(crate) use client::Client;
pub(crate) use download::Answer;
pub(super) use hooks::Hooks;
pub(crate) use host_policies::{HostPolicies, HostRule};
pub(crate) use own::OwnAddress;
pub(super) use own::{is_inside, is_of_component};
pub(crate) use policy::{ClientTls, OutboundPolicy};
pub(super) use sender::OwnHost;

use super::{Capability, State};
#[cfg(test)]
use crate::calls::{EdgeContext, EdgeList};
use crate::calls::{Edges, Loopback};
use crate::chaos::Faults;
use crate::message::Http;
use crate::message::spin_fields::INTERNAL;
use crate::readiness::Readiness;
use crate::registry::Registry;
use crate::telemetry::{OTHER, method_label};
use http::{Method, Uri};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tessera_manifest::hosts::HostPattern;
use wasmtime::component::Linker;
use wasmtime_wasi_http::p3::bindings::http::types;
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["wasi:http"],
    governed: &[
        ("wasi:http/outgoing-handler", "allowed_outbound_hosts"),
        ("wasi:http/client", "allowed_outbound_hosts"),
        ("wasi:http/handler", "allowed_outbound_hosts"),
    ],
    add_to_linker,
};

/// This machine.
const LOCALHOST: &str = "localhost";

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    types::add_to_linker::<_, WasiHttp>(linker, State::http)?;
    without_host::add_to_linker(linker)
}

/// The hosts that a component may reach, and how.
pub(crate) struct Outbound {
    allowed: Vec<HostPattern>,
    policies: Arc<RequestPolicies>,
    network: Arc<NetworkContext>,
}

/// The policies of a component's requests.
pub(crate) struct RequestPolicies {
    /// To other components.
    pub(crate) components: Edges,
    pub(crate) hosts: HostPolicies,
}

/// What all components share.
pub(crate) struct NetworkContext {
    pub(crate) registry: Arc<Registry<Http>>,
    pub(crate) client: Client,
    /// Where the application listens: the meaning of `self`.
    pub(crate) own: OwnAddress,
    pub(crate) loopback: Loopback,
    pub(crate) readiness: Arc<Readiness>,
    /// Whether requests get the header fields of the trace. Stock Spin leaves them to components.
    pub(crate) is_traced: bool,
    /// What an operator lets fail; `None` if the host has no such faults.
    pub(crate) faults: Option<Arc<Faults>>,
}

impl Outbound {
    pub(crate) fn new(
        allowed: Vec<HostPattern>,
        policies: Arc<RequestPolicies>,
        network: Arc<NetworkContext>,
    ) -> Self {
        Self { allowed, policies, network }
    }

    /// To these hosts, in a process without components.
    #[cfg(test)]
    pub(in crate::capabilities) fn to(allowed: &[&str]) -> Arc<Self> {
        let parse = |text: &&str| HostPattern::parse(text).expect("a pattern");
        let network = NetworkContext {
            registry: Arc::default(),
            client: Client::new(None, &OutboundPolicy::default()).expect("a client"),
            own: OwnAddress {
                scheme: http::uri::Scheme::HTTP,
                socket: (Ipv4Addr::LOCALHOST, 3000).into(),
            },
            loopback: Loopback::default(),
            readiness: Arc::default(),
            is_traced: true,
            faults: None,
        };
        let allowed = allowed.iter().map(parse).collect();
        Arc::new(Self::new(allowed, RequestPolicies::none(), Arc::new(network)))
    }

    /// What an operator lets fail; `None` if the host has no such faults.
    pub(in crate::capabilities) fn faults(&self) -> Option<&Arc<Faults>> {
        self.network.faults.as_ref()
    }

    /// The policies of its calls to other components, by requests and by links.
    pub(crate) fn edges(&self) -> &Edges {
        &self.policies.components
    }

    /// Whether a request to this component of the application may be sent.
    pub(crate) fn may_call(&self, component: &str) -> bool {
        let host = || format!("{component}{INTERNAL}");
        !self.allowed.is_empty() && self.allows_host("http", &host(), None)
    }

    /// Whether a request to the application's own address may be sent.
    pub(crate) fn may_call_own_address(&self) -> bool {
        let scheme = self.network.own.scheme.as_str();
        let reaches = |own: &SocketAddr| {
            let hosts = [own.ip().to_string(), Ipv4Addr::LOCALHOST.to_string(), LOCALHOST.into()];
            hosts.iter().any(|host| self.allows_host(scheme, host, Some(own.port())))
        };
        self.allowed.iter().any(allows_itself) || reaches(&self.network.own.socket)
    }

    /// Whether the operator lets no component reach this address, by any protocol.
    pub(in crate::capabilities) fn blocks(&self, address: IpAddr) -> bool {
        self.network.client.blocked().contain(address)
    }

    /// The client, for requests of the host itself.
    pub(in crate::capabilities) fn client(&self) -> &Client {
        &self.network.client
    }

    /// Whether a connection to this address is allowed. `port: None` means the port of the scheme.
    pub(in crate::capabilities) fn allows_host(
        &self,
        scheme: &str,
        host: &str,
        port: Option<u16>,
    ) -> bool {
        self.allowed.iter().any(|pattern| pattern.matches(scheme, host, port))
    }

    /// Whether a connection to this host is allowed, by any scheme and to any port.
    pub(in crate::capabilities) fn allows_name(&self, host: &str) -> bool {
        self.allowed.iter().any(|pattern| pattern.matches_name(host))
    }

    /// Whether a request to this URI is allowed.
    pub(in crate::capabilities) fn allows(&self, uri: &Uri) -> bool {
        self.permission(uri).is_some()
    }

    /// The first pattern of the manifest that allows this URI.
    fn permission(&self, uri: &Uri) -> Option<&HostPattern> {
        if own::is_itself(uri) {
            return self.allowed.iter().find(|pattern| allows_itself(pattern));
        }
        if has_impossible_port(uri) {
            return None;
        }
        let (scheme, host) = (uri.scheme_str().unwrap_or("http"), uri.host()?);
        self.allowed.iter().find(|pattern| pattern.matches(scheme, host, uri.port_u16()))
    }

    /// The name of the operation in spans and metrics. Guests choose methods and authorities, so
    /// neither is used directly: authorities are those of the manifest's patterns.
    fn operation(&self, method: &Method, uri: &Uri) -> Arc<str> {
        format!("{} {}", method_label(method), self.label(uri)).into()
    }

    /// The authority of a request in metrics: that of the pattern which allows it.
    fn label(&self, uri: &Uri) -> &str {
        self.permission(uri).map_or(OTHER, HostPattern::authority)
    }
}

impl RequestPolicies {
    /// No policies.
    #[cfg(test)]
    pub(in crate::capabilities) fn none() -> Arc<Self> {
        let list = Arc::new(EdgeList::new(EdgeContext::default()));
        Arc::new(Self {
            components: Edges::new("test".into(), Vec::new(), None, list.clone()),
            hosts: HostPolicies::new("test".into(), Vec::new(), None, list),
        })
    }
}

/// Whether a URI has a number that is too large for a port: no server is meant by that.
fn has_impossible_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_number && uri.port().is_none()
}

/// Whether a pattern allows requests of the application to itself. The scheme of such a request is
/// that of the listener, whichever the component writes.
fn allows_itself(pattern: &HostPattern) -> bool {
    ["http", "https"].iter().any(|scheme| pattern.matches_self(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_port_is_not_allowed() {
        let outbound = Outbound::to(&["http://a.test:*", "http://[::1]:*"]);
        for (uri, allowed) in [
            ("http://a.test/", true),
            ("http://a.test:65535/", true),
            ("http://a.test:65536/", false),
            ("http://[::1]/", true),
        ] {
            assert_eq!(outbound.allows(&Uri::from_static(uri)), allowed, "{uri}");
        }
    }
}
