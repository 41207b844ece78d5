//! Requests that guests send: to other components of the application, to the application's own
//! address, and to other hosts. Only to hosts that the manifest allows.

mod client;
mod hooks;
mod sender;

pub(crate) use client::Client;
pub(super) use hooks::Hooks;

use super::{Capability, State};
use crate::calls::Loopback;
use crate::message::Http;
use crate::readiness::Readiness;
use crate::registry::Registry;
use crate::telemetry::{OTHER, method_label};
use http::{Method, Uri};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tessera_manifest::hosts::HostPattern;
use wasmtime::component::Linker;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["wasi:http"],
    governed: &[
        ("wasi:http/outgoing-handler", "allowed_outbound_hosts"),
        ("wasi:http/client", "allowed_outbound_hosts"),
        ("wasi:http/handler", "allowed_outbound_hosts"),
    ],
    add_to_linker,
};

/// The domain of all components of the application.
const INTERNAL: &str = ".spin.internal";
/// The name that a component calls its own application by.
const SELF: &str = "self";
/// This machine.
const LOCALHOST: &str = "localhost";

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)
}

/// The hosts that a component may reach, and how.
pub(crate) struct Outbound {
    allowed: Vec<HostPattern>,
    network: Arc<NetworkContext>,
}

/// What all components share.
pub(crate) struct NetworkContext {
    pub(crate) registry: Arc<Registry<Http>>,
    pub(crate) client: Client,
    /// The address that the application listens on: the meaning of `self`.
    pub(crate) own_address: SocketAddr,
    pub(crate) loopback: Loopback,
    pub(crate) readiness: Arc<Readiness>,
}

impl Outbound {
    pub(crate) fn new(allowed: Vec<HostPattern>, network: Arc<NetworkContext>) -> Self {
        Self { allowed, network }
    }

    /// Whether a request to this component of the application may be sent.
    pub(crate) fn may_call(&self, component: &str) -> bool {
        let host = || format!("{component}{INTERNAL}");
        !self.allowed.is_empty() && self.allows_host("http", &host(), None)
    }

    /// Whether a request to the application's own address may be sent.
    pub(crate) fn may_call_own_address(&self) -> bool {
        let reaches = |own: &SocketAddr| {
            let hosts = [own.ip().to_string(), Ipv4Addr::LOCALHOST.to_string(), LOCALHOST.into()];
            hosts.iter().any(|host| self.allows_host("http", host, Some(own.port())))
        };
        self.allowed.iter().any(|pattern| pattern.matches_self("http"))
            || reaches(&self.network.own_address)
    }

    fn allows_host(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.allowed.iter().any(|pattern| pattern.matches(scheme, host, port))
    }

    fn allows(&self, uri: &Uri) -> bool {
        self.permission(uri).is_some()
    }

    /// The first pattern of the manifest that allows this URI.
    fn permission(&self, uri: &Uri) -> Option<&HostPattern> {
        let scheme = uri.scheme_str().unwrap_or("http");
        self.allowed.iter().find(|pattern| match uri.host() {
            None | Some(SELF) => pattern.matches_self(scheme),
            Some(host) => pattern.matches(scheme, host, uri.port_u16()),
        })
    }

    /// The name of the operation in spans and metrics. Guests choose methods and authorities, so
    /// neither is used directly: authorities are those of the manifest's patterns.
    fn operation(&self, method: &Method, uri: &Uri) -> Arc<str> {
        let authority = self.permission(uri).map_or(OTHER, HostPattern::authority);
        format!("{} {authority}", method_label(method)).into()
    }
}
