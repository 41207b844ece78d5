//! Networks that no component may reach, whatever its manifest allows: the operator's choice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Networks that no component may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BlockedNetworks {
    pub(crate) networks: Vec<Network>,
    /// All networks that are not reachable from everywhere: private ones, this machine, and so on.
    pub(crate) private: bool,
}

/// The addresses that begin with the same bits: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    /// Left-aligned in 128 bits.
    bits: u128,
    length: u32,
    is_v4: bool,
}

/// Networks of IPv4 for special purposes (RFC 6890), and groups.
const PRIVATE_V4: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
];
/// The same of IPv6.
const PRIVATE_V6: [&str; 10] = [
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:db8::/32",
    "3fff::/20",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

impl BlockedNetworks {
    /// Whether this address must not be reached. One of IPv4 in the form of IPv6 counts as both.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let contains = |text: &&str| text.parse::<Network>().is_ok_and(|n| n.contains(address));
        let special = match address {
            IpAddr::V4(_) => self.private && PRIVATE_V4.iter().any(contains),
            IpAddr::V6(_) => self.private && PRIVATE_V6.iter().any(contains),
        };
        let inner = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => v4_in(address),
        };
        special
            || self.networks.iter().any(|network| network.contains(address))
            || inner.is_some_and(|inner| self.contain(IpAddr::V4(inner)))
    }
}

impl BlockedNetworks {
    /// The addresses of a host that may be reached.
    ///
    /// # Errors
    /// There are only others; this is one of them.
    pub(super) fn without(
        &self,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, IpAddr> {
        let (prohibited, allowed): (Vec<_>, Vec<_>) =
            found.partition(|address| self.contain(address.ip()));
        match (allowed.is_empty(), prohibited.first()) {
            (true, Some(address)) => Err(address.ip()),
            _ => Ok(allowed),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The address of IPv4 that a system reaches instead: mapped, compatible, or translated (NAT64).
fn v4_in(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
    let is_translated = address.segments().starts_with(&TRANSLATED);
    let low = || Ipv4Addr::from_bits(address.to_bits() as u32);
    address.to_ipv4().or_else(|| is_translated.then(low))
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = left_aligned(address);
        is_v4 == self.is_v4 && (bits ^ self.bits) & mask(self.length) == 0
    }
}

fn left_aligned(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}

/// The first bits.
fn mask(length: u32) -> u128 {
    u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

impl FromStr for Network {
    type Err = ();

    /// An address, or one with the length of its prefix. Later bits do not count.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let (bits, is_v4) = left_aligned(address.parse().map_err(|_| ())?);
        let longest = if is_v4 { 32 } else { 128 };
        let length = length.map_or(Ok(longest), |length| length.parse::<u32>().map_err(|_| ()))?;
        if length > longest {
            return Err(());
        }
        Ok(Self { bits: bits & mask(length), length, is_v4 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(networks: &[&str], private: bool) -> BlockedNetworks {
        let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
        BlockedNetworks { networks, private }
    }

    fn contains(blocked: &BlockedNetworks, address: &str) -> bool {
        blocked.contain(address.parse().unwrap())
    }

    #[test]
    fn a_network_blocks_its_addresses_in_all_of_their_forms() {
        let some = blocked(&["1.1.1.1/32", "8.8.9.9/16", "2001:4860::/32"], false);
        for address in [
            "1.1.1.1",
            "8.8.0.1",
            "::ffff:8.8.8.8",
            "::1.1.1.1",
            "64:ff9b::101:101",
            "2001:4860::1",
        ] {
            assert!(contains(&some, address), "{address}");
        }
        for address in ["1.1.1.2", "8.9.0.0", "127.0.0.1", "::ffff:8.9.0.0", "2001:4861::1"] {
            assert!(!contains(&some, address), "{address}");
        }
        assert!(contains(&blocked(&["0.0.0.0/0"], false), "9.9.9.9"));
        assert!(!contains(&blocked(&["0.0.0.0/0"], false), "2001:4860::1"));
    }

    #[test]
    fn private_networks_are_those_that_not_everyone_reaches() {
        let private = blocked(&[], true);
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(contains(&private, address), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111"] {
            assert!(!contains(&private, address), "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "1.1.1", "1.1.1.1/33", "::/129", "1.1.1.1/x", "private"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
