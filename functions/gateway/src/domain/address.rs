//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

/// The address to count if the client's is unknown.
pub const UNKNOWN: &str = "unknown";

/// The address of the client, without port. `peer` is the other end of the connection;
/// `forwarded` the value of `X-Forwarded-For`, of which only the last `proxies_trusted`
/// entries were written by trusted proxies: everything before them is what a client
/// wrote and is not looked at.
pub fn client(peer: Option<&str>, forwarded: Option<&str>, proxies_trusted: usize) -> String {
    let entries: Vec<&str> = forwarded.unwrap_or_default().split(',').map(str::trim).collect();
    let entry = match proxies_trusted {
        0 => None,
        count => entries.len().checked_sub(count).and_then(|index| entries.get(index)),
    };
    entry.copied().and_then(parse).or_else(|| peer.and_then(parse)).map_or_else(
        || UNKNOWN.to_owned(),
        |address| match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => {
                v6.to_ipv4_mapped().map_or_else(|| v6.to_string(), |v4| v4.to_string())
            }
        },
    )
}

fn parse(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_is_not_believed() {
        let forged = Some("1.1.1.1, 2.2.2.2");
        assert_eq!(client(Some("10.0.0.1:5000"), forged, 0), "10.0.0.1");
        assert_eq!(client(Some("10.0.0.1:5000"), forged, 1), "2.2.2.2");
        assert_eq!(client(Some("10.0.0.1:5000"), forged, 2), "1.1.1.1");
        assert_eq!(client(Some("10.0.0.1:5000"), forged, 3), "10.0.0.1");
        assert_eq!(client(Some("10.0.0.1"), Some("me, you"), 1), "10.0.0.1");
        assert_eq!(client(None, None, 0), UNKNOWN);
    }

    #[test]
    fn one_address_has_one_spelling() {
        assert_eq!(client(Some("[::ffff:10.0.0.1]:80"), None, 0), "10.0.0.1");
        assert_eq!(client(Some("[2001:DB8:0::1]:80"), None, 0), "2001:db8::1");
    }
}
