//! Whether a request comes from the local machine.

use http::{HeaderMap, Uri};
use std::net::{IpAddr, SocketAddr};

/// Header fields of forwarded requests.
const FORWARDED: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "x-client-ip", "via"];

/// Whether the peer is the local machine, the request was not forwarded, and its host is the local
/// machine. The host matters because of DNS rebinding: a web page can resolve its own name to the
/// loopback address and then read the responses.
pub fn is_local(peer: Option<&str>, host: Option<&str>, headers: &HeaderMap) -> bool {
    peer.is_some_and(is_loopback)
        && host.is_some_and(|host| is_loopback(host) || is_localhost(host))
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Whether the host of this URL is the local machine.
pub fn is_local_url(url: &str) -> bool {
    let url = url.parse::<Uri>().ok();
    url.as_ref().and_then(Uri::host).is_some_and(|host| is_loopback(host) || is_localhost(host))
}

fn is_loopback(text: &str) -> bool {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.is_some_and(|address| address.to_canonical().is_loopback())
}

fn is_localhost(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let name =
        host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn local(peer: &str, host: &str, field: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(name) = field {
            headers.insert(name, "127.0.0.1".parse().unwrap());
        }
        is_local(Some(peer), Some(host), &headers)
    }

    #[test]
    fn only_a_direct_request_from_and_to_this_machine_is_local() {
        for (peer, host) in [
            ("127.0.0.1:5000", "127.0.0.1:3000"),
            ("127.8.8.8", "localhost:3000"),
            ("[::1]:5000", "[::1]:3000"),
            ("[::ffff:127.0.0.1]:5000", "LOCALHOST"),
        ] {
            assert!(local(peer, host, None), "{peer} {host}");
        }
        for (peer, host) in [
            ("10.0.0.1:5000", "127.0.0.1:3000"),
            ("unknown", "127.0.0.1"),
            ("", "localhost"),
            ("127.0.0.1:5000", "shop.example"),
            ("127.0.0.1:5000", "localhost.evil.example"),
            ("127.0.0.1:5000", "localhost:80@evil.example"),
            ("127.0.0.1:5000", "127.0.0.1.evil.example:80"),
        ] {
            assert!(!local(peer, host, None), "{peer} {host}");
        }
        for name in FORWARDED {
            assert!(!local("127.0.0.1:5000", "127.0.0.1:3000", Some(name)), "{name}");
        }
        assert!(!is_local(None, Some("localhost"), &HeaderMap::new()));
    }

    #[test]
    fn the_host_decides_whether_a_url_is_local() {
        for url in ["http://127.0.0.1:3000", "https://localhost", "http://[::1]:3000/shop"] {
            assert!(is_local_url(url), "{url}");
        }
        for url in [
            "",
            "/",
            "https://shop.example",
            "http://0.0.0.0:3000",
            "http://localhost@shop.example",
            "http://localhost.shop.example",
            "https://shop.example/http://localhost",
        ] {
            assert!(!is_local_url(url), "{url}");
        }
    }
}
