//! The host part of a pattern: a name, names below a domain, a network, or a keyword.

use std::net::IpAddr;

use super::bare;
use crate::pattern_error::PatternError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Any,
    /// With the leading dot.
    Below(String),
    Itself,
    Name(String),
    Network {
        address: IpAddr,
        prefix_bits: u8,
    },
}

impl Host {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.to_ascii_lowercase();
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
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || !name.chars().all(allowed) {
            let hint = "a host is a name, an address (IPv6 in brackets), a network such as `10.0.0.0/8`, `self` or `*`";
            return Err(PatternError::new(format!("`{text}` is not a host"), hint));
        }
        Ok(if below { Self::Below(format!(".{name}")) } else { Self::Name(name.to_owned()) })
    }

    pub(super) fn matches(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::Below(suffix) => host.ends_with(suffix),
            Self::Itself => false,
            Self::Name(name) => *name == host,
            Self::Network { address, prefix_bits } => host.parse().is_ok_and(|host: IpAddr| {
                masked(host, *prefix_bits) == masked(*address, *prefix_bits)
            }),
        }
    }
}

/// `None` if the text does not look like an address or a network.
fn parse_network(text: &str) -> Option<Result<Host, PatternError>> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = bare(address).parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix_bits = prefix.map_or(Some(bits), |prefix| prefix.parse().ok());
    Some(match prefix_bits.filter(|prefix| *prefix <= bits) {
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
