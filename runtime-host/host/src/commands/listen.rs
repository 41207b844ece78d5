//! The addresses that listeners are given: `127.0.0.1:3000`, `[::1]:3000`, `localhost:0`.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};

/// The address for `HOST:PORT`. If a name has several addresses, 127.0.0.1 is preferred, and then
/// the first one, as in Spin.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| without_port(text))?;
    if port.parse::<u16>().is_err() {
        return Err(without_port(text));
    }
    if host.is_empty() {
        return Err(format!(
            "the host is missing: write `127.0.0.1:{port}` for this machine alone, or \
             `0.0.0.0:{port}` for all of its addresses"
        ));
    }
    let found = text.to_socket_addrs().map_err(|error| unknown(host, &error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    let preferred = found.iter().find(|address| address.ip() == Ipv4Addr::LOCALHOST);
    preferred.or(found.first()).copied().ok_or_else(|| unknown(host, "it has no address"))
}

fn without_port(text: &str) -> String {
    let host = text.split_once(':').map_or(text, |(host, _)| host);
    let is_name = text.matches(':').count() <= 1 && host.contains(|c: char| c.is_alphabetic());
    let host = if is_name { host } else { "127.0.0.1" };
    format!("write HOST:PORT, for example `{host}:3000`; port 0 selects a free port")
}

fn unknown(host: &str, why: &str) -> String {
    format!("the host `{host}` can't be found: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_accepted() {
        for (text, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:3000", "[::1]:3000"),
            ("localhost:3000", "127.0.0.1:3000"),
        ] {
            assert_eq!(address(text), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused_with_the_right_one() {
        for (text, advice) in [
            (":3000", "`127.0.0.1:3000` for this machine alone, or `0.0.0.0:3000`"),
            ("3000", "`127.0.0.1:3000`"),
            ("localhost", "`localhost:3000`"),
            ("localhost:http", "`localhost:3000`"),
            ("localhost:70000", "`localhost:3000`"),
            ("::1:x", "`127.0.0.1:3000`"),
            ("no such host:1", "`no such host` can't be found"),
        ] {
            let error = address(text).unwrap_err();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }
}
