//! Whether a request comes from the machine that it arrives at.

use http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// Header fields that say that a request has come a longer way.
const FORWARDED: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "x-client-ip", "via"];

/// Is the other end of the connection this machine, has nothing in between passed the request
/// on, and is it this machine that was asked for? The last because a page elsewhere can have its
/// own name resolved to the loopback address and read what is answered there.
pub fn is_local(peer: Option<&str>, host: Option<&str>, headers: &HeaderMap) -> bool {
    peer.is_some_and(is_loopback)
        && host.is_some_and(|host| is_loopback(host) || is_localhost(host))
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

fn is_loopback(text: &str) -> bool {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.is_some_and(|address| address.to_canonical().is_loopback())
}

fn is_localhost(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
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
    fn only_this_machine_asking_for_itself_is_local() {
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
            ("127.0.0.1:5000", "127.0.0.1.evil.example:80"),
        ] {
            assert!(!local(peer, host, None), "{peer} {host}");
        }
        for name in FORWARDED {
            assert!(!local("127.0.0.1:5000", "127.0.0.1:3000", Some(name)), "{name}");
        }
        assert!(!is_local(None, Some("localhost"), &HeaderMap::new()));
    }
}
