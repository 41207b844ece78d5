//! What the span of a request says in addition, if it is exported.

use crate::telemetry::otlp::{Attribute, Details, Value, cut};
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderMap, Version};
use std::net::IpAddr;

/// By the semantic conventions. The query is left out, because it may contain what must not be
/// kept. Texts are cut here already, because the description is kept as long as the request.
pub(super) fn details(parts: &Parts, client: IpAddr) -> Details {
    let mut attributes: Vec<Attribute> = vec![
        ("url.path", cut(parts.uri.path()).to_owned().into()),
        ("url.scheme", parts.uri.scheme_str().unwrap_or("http").to_owned().into()),
        ("client.address", client.to_string().into()),
        ("network.protocol.version", protocol_version(parts.version).into()),
    ];
    if let Some(host) = parts.uri.host() {
        attributes.push(("server.address", cut(host).to_owned().into()));
    }
    if let Some(port) = parts.uri.port_u16() {
        attributes.push(("server.port", Value::Int(port.into())));
    }
    if let Some(agent) = user_agent(&parts.headers) {
        attributes.push(("user_agent.original", cut(agent).to_owned().into()));
    }
    Details { attributes, links: Vec::new() }
}

pub(super) fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT)?.to_str().ok()
}
