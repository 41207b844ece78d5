//! By which name a client has come.
//!
//! This prevents DNS rebinding. A web page can't read responses of other sites, but after it has
//! been loaded, its owner can make its own name resolve to 127.0.0.1. Such a request still has that
//! name in `Host`. The owner of a page can't redirect an IP address, `localhost`, or a name that
//! the operator has allowed.
//!
//! Health and metrics are served under every name, because scrapers and probes use the names of
//! services. They contain no personal data and change nothing.

use http::Request;
use http::header::HOST;
use http::uri::Authority;
use std::net::IpAddr;
use std::sync::Arc;

/// The allowed names in addition to addresses and `localhost`, in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts(Arc<[String]>);

/// Parses one name from the command line.
///
/// Errors: it is not a host name, or has a port.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let name = Authority::try_from(text).ok().filter(|name| name.as_str() == name.host());
    let name = name.ok_or("write a host name without a port, for example `tessera.internal`")?;
    Ok(name.host().to_ascii_lowercase())
}

impl AllowedHosts {
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.into())
    }

    /// Whether the host name of a request is allowed, with any port. A request without one can't be
    /// from a browser.
    pub(super) fn allow<B>(&self, request: &Request<B>) -> bool {
        let fields = request.headers().get_all(HOST).iter();
        let mut fields = fields.map(|value| Authority::try_from(value.as_bytes()).ok());
        fields.all(|authority| authority.is_some_and(|authority| self.leads_here(&authority)))
            && request.uri().authority().is_none_or(|authority| self.leads_here(authority))
    }

    fn leads_here(&self, authority: &Authority) -> bool {
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        host.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok()
            || self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn named(uri: &str, hosts: &[&str]) -> bool {
        let allowed = AllowedHosts::new(&[host_name("Tessera.internal").unwrap()]);
        let request = Request::builder().uri(uri);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        allowed.allow(&request.body(()).unwrap())
    }

    #[test]
    fn addresses_localhost_and_allowed_names_are_accepted() {
        let addresses = ["127.0.0.1:3001", "192.0.2.7", "[::1]:3001", "localhost:9", "LOCALHOST"];
        for host in addresses.into_iter().chain(["tessera.internal", "TESSERA.internal:3001"]) {
            assert!(named("/traces", &[host]), "{host}");
        }
        assert!(named("/traces", &[]));
        assert!(named("http://127.0.0.1:3001/traces", &["127.0.0.1:3001"]));
    }

    #[test]
    fn every_other_name_is_not() {
        let others = ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "", "a b"];
        let similar = ["localhost.evil.example", "localhost@evil.example", "a.tessera.internal"];
        for host in others.into_iter().chain(similar) {
            assert!(!named("/traces", &[host]), "{host}");
        }
        assert!(!named("/traces", &["127.0.0.1", "evil.example"]));
        assert!(!named("http://evil.example/traces", &["127.0.0.1"]));
    }

    #[test]
    fn a_name_on_the_command_line_has_no_port() {
        for text in ["a:1", "", "a b", "user@a", "http://a"] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }
}
