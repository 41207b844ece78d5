//! The application's own address, and the names by which its components call it.

use super::LOCALHOST;
use crate::message::BodyError;
use crate::message::spin_fields::INTERNAL;
use http::Uri;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tessera_manifest::hosts::default_port;

/// The names that mean the application itself. Stock Spin knows the second one; a request without a
/// host means it, too.
const NAMES: [&str; 2] = ["self", "self.alt"];

/// Where the application listens, and with which scheme.
#[derive(Debug, Clone)]
pub(crate) struct OwnAddress {
    pub(crate) scheme: Scheme,
    pub(crate) socket: SocketAddr,
}

/// Whether a URI means the application itself. SDKs write a URI without a host as one with only a
/// port (`https://:443/path`).
pub(super) fn is_itself(uri: &Uri) -> bool {
    uri.host().is_none_or(|host| host.is_empty() || NAMES.contains(&host))
}

/// Whether a URI leads to the application itself or to one of its components.
pub(in crate::capabilities) fn is_inside(uri: &Uri) -> bool {
    is_itself(uri) || is_of_component(uri)
}

/// Whether a URI leads to a component of the application, without a socket.
pub(in crate::capabilities) fn is_of_component(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| host.ends_with(INTERNAL))
}

impl OwnAddress {
    /// The same path at this address.
    pub(super) fn with_path_of(&self, uri: &Uri) -> Result<Uri, BodyError> {
        let authority = Authority::try_from(self.socket.to_string());
        let authority = authority.map_err(|_| BodyError::HttpRequestUriInvalid)?;
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(authority);
        let path = uri.path_and_query().cloned();
        parts.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
        Uri::from_parts(parts).map_err(|_| BodyError::HttpRequestUriInvalid)
    }

    /// Whether a URI leads to this address.
    pub(super) fn is_of(&self, uri: &Uri) -> bool {
        let Some(host) = uri.host() else { return false };
        let port = uri.port_u16().or_else(|| default_port(uri.scheme_str()?));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = match host {
            LOCALHOST => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            host => host.parse().ok(),
        };
        let own = self.socket;
        // A listener on all addresses also listens on the loopback address.
        let is_own = |address: IpAddr| {
            address == own.ip() || (own.ip().is_unspecified() && address.is_loopback())
        };
        port == Some(own.port()) && address.is_some_and(is_own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_itself_has_several_spellings() {
        for own in [
            "/hello",
            "http://:80/hello",
            "https://:443/hello",
            "http://self/hello",
            "http://self:80/",
            "https://self.alt/hello",
        ] {
            assert!(is_itself(&own.parse().unwrap()), "{own}");
        }
        for other in ["http://self.example/", "http://localhost/", "http://x.self/"] {
            assert!(!is_itself(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn the_own_address_keeps_path_and_query() {
        let own = OwnAddress { scheme: Scheme::HTTPS, socket: ([127, 0, 0, 1], 3000).into() };
        let at = |uri: &'static str| own.with_path_of(&Uri::from_static(uri)).unwrap().to_string();
        assert_eq!(at("http://self/a//b?x=%2F"), "https://127.0.0.1:3000/a//b?x=%2F");
        assert_eq!(at("https://:443/"), "https://127.0.0.1:3000/");
    }
}
