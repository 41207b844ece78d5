//! The host part of a pattern: a name, names below a domain, a network, or a keyword.

use std::net::IpAddr;

use super::bare;
use crate::pattern_error::PatternError;

/// A name, in lowercase and with other than ASCII characters encoded, or an address.
type Address = url::Host<String>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Any,
    /// With the leading dot.
    Below(String),
    Itself,
    One(Address),
    Network {
        address: IpAddr,
        prefix_bits: u8,
    },
}

impl Host {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "" => return Err(PatternError::new("the host is missing", "write `*` for all hosts")),
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::Itself),
            _ => {}
        }
        if let Some(network) = parse_network(&text) {
            return network;
        }
        if text.contains('/') {
            let hint = "a permission applies to a whole host: remove the path";
            return Err(PatternError::new("it has a path", hint));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text.as_str()),
        };
        if name.contains('*') {
            let hint =
                "`*` is a whole host or the first part of a name, for example `*.example.com`";
            return Err(PatternError::new("`*` is not allowed in the middle of a host", hint));
        }
        match Address::parse(name) {
            Ok(Address::Domain(name)) if below => Ok(Self::Below(format!(".{name}"))),
            Ok(address) if !below => Ok(Self::One(address)),
            _ => {
                let hint = "a host is a name, an address (IPv6 in brackets), a network such as `10.0.0.0/8`, `self` or `*`";
                Err(PatternError::new(format!("`{text}` is not a host"), hint))
            }
        }
    }

    pub(super) fn matches(&self, host: &str) -> bool {
        let host = || match host.parse() {
            Ok(IpAddr::V4(address)) => Some(Address::Ipv4(address)),
            Ok(IpAddr::V6(address)) => Some(Address::Ipv6(address)),
            Err(_) => Address::parse(host).ok(),
        };
        match self {
            Self::Any => true,
            Self::Itself => false,
            Self::One(one) => host().is_some_and(|host| host == *one),
            Self::Below(suffix) => {
                matches!(host(), Some(Address::Domain(name)) if name.ends_with(suffix))
            }
            Self::Network { address, prefix_bits } => {
                let host = match host() {
                    Some(Address::Ipv4(host)) => IpAddr::V4(host),
                    Some(Address::Ipv6(host)) => IpAddr::V6(host),
                    _ => return false,
                };
                masked(host, *prefix_bits) == masked(*address, *prefix_bits)
            }
        }
    }
}

/// `None` if the text does not look like a network.
fn parse_network(text: &str) -> Option<Result<Host, PatternError>> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = bare(address).parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    Some(match prefix.parse().ok().filter(|prefix| *prefix <= bits) {
        Some(prefix_bits) => Ok(Host::Network { address, prefix_bits }),
        None => Err(PatternError::new(
            "the prefix length is invalid",
            format!("write a prefix length of 0 to {bits} after `/`"),
        )),
    })
}

/// The prefix of an address, with its family.
fn masked(address: IpAddr, prefix_bits: u8) -> (bool, u128) {
    let (bits, value) = match address {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    };
    let free = bits - u32::from(prefix_bits);
    (bits == 32, value.checked_shr(free).unwrap_or(0))
}
