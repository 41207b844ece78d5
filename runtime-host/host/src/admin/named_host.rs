//! By which name a client has come.
//!
//! A page that somebody opens in a browser can't read the answers of another site, but its own
//! name may lead here: whoever owns it lets it stand for 127.0.0.1 once the page is loaded. Such
//! a request still carries that name in `Host`. Addresses and `localhost` are nobody's to change.

use http::Request;
use http::header::HOST;
use http::uri::Authority;
use std::net::IpAddr;

/// Whether a request names this listener by an IP address or as `localhost`, with any port, each
/// time that it names it. One that does not name it at all is from no browser.
pub(super) fn is_address<B>(request: &Request<B>) -> bool {
    let fields = request.headers().get_all(HOST).iter();
    let mut fields = fields.map(|value| Authority::try_from(value.as_bytes()).ok());
    fields.all(|authority| authority.is_some_and(|authority| leads_here(&authority)))
        && request.uri().authority().is_none_or(leads_here)
}

fn leads_here(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn named(uri: &str, hosts: &[&str]) -> bool {
        let request = Request::builder().uri(uri);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        is_address(&request.body(()).unwrap())
    }

    #[test]
    fn addresses_and_localhost_are_let_in() {
        for host in ["127.0.0.1:3001", "192.0.2.7", "[::1]:3001", "localhost:9", "LOCALHOST"] {
            assert!(named("/metrics", &[host]), "{host}");
        }
        assert!(named("/metrics", &[]));
        assert!(named("http://127.0.0.1:3001/metrics", &["127.0.0.1:3001"]));
    }

    #[test]
    fn every_other_name_is_not() {
        let others = ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "", "a b"];
        for host in others.into_iter().chain(["localhost.evil.example", "localhost@evil.example"]) {
            assert!(!named("/metrics", &[host]), "{host}");
        }
        assert!(!named("/metrics", &["127.0.0.1", "evil.example"]));
        assert!(!named("http://evil.example/metrics", &["127.0.0.1"]));
    }
}
