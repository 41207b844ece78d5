//! Which addresses and names the sockets of an instance may use.
//!
//! The manifest grants `tcp` and `udp` addresses, and names. A socket only knows addresses, so the
//! addresses that a name was found to have are remembered: a connection to one of them is one to the
//! name.

use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::remote::Target;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

/// The part of a name that is logged. A name of the DNS has at most 253 bytes.
const NAME_SHOWN_MAX_BYTES: usize = 256;

/// How many addresses of names an instance remembers. The oldest are forgotten first.
const FOUND_ADDRESSES_MAX: usize = 256;

/// What the sockets of one instance may use.
pub(in crate::capabilities) struct Permissions {
    component: Arc<str>,
    outbound: Arc<Outbound>,
    found: Mutex<VecDeque<(IpAddr, Arc<str>)>>,
}

impl Permissions {
    pub(in crate::capabilities) fn new(component: Arc<str>, outbound: Arc<Outbound>) -> Arc<Self> {
        Arc::new(Self { component, outbound, found: Mutex::default() })
    }

    /// Applies them to all sockets of an instance.
    pub(in crate::capabilities) fn apply(self: &Arc<Self>, wasi: &mut WasiCtxBuilder) {
        let permissions = self.clone();
        wasi.allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
        wasi.socket_addr_check(move |address, usage| {
            Box::pin(std::future::ready(permissions.allow(address, usage)))
        });
    }

    /// Whether the addresses of a name may be looked up. An address is its own.
    pub(super) fn allow_lookup(&self, name: &str) -> bool {
        if is_address(name) || self.outbound.allows_name(name) {
            return true;
        }
        let name = &name[..name.floor_char_boundary(NAME_SHOWN_MAX_BYTES)];
        tracing::warn!(
            component = %self.component,
            "it may not look up the name `{name}`: add an address with this name to its \
             `allowed_outbound_hosts`"
        );
        false
    }

    /// Remembers that a name has this address.
    pub(super) fn remember(&self, name: &Arc<str>, address: IpAddr) {
        if is_address(name) {
            return;
        }
        let mut found = self.found.lock();
        if found.iter().any(|(known, of)| *known == address && of == name) {
            return;
        }
        if found.len() == FOUND_ADDRESSES_MAX {
            found.pop_front();
        }
        found.push_back((address, name.clone()));
    }

    fn allow(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            // The system chooses the port, for a socket that connects or sends.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind if is_unspecified(address) => true,
            SocketAddrUse::TcpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                self.deny(&format!("it may not listen on `{address}`: components only connect"))
            }
            // Anyone may send to it, so this is no fault of the component.
            SocketAddrUse::UdpReceive => self.grants("udp", address),
            SocketAddrUse::TcpConnect => self.connect("tcp", address),
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend => self.connect("udp", address),
        }
    }

    fn connect(&self, scheme: &str, address: SocketAddr) -> bool {
        if self.outbound.blocks(address.ip()) {
            return self.deny(&format!("the operator blocks `{address}` (`block_networks`)"));
        }
        let host = &address.ip().to_string();
        let target = Target { scheme, host, port: Some(address.port()) };
        self.grants(scheme, address)
            || self.deny(&format!(
                "it may not connect to `{target}`: add this address to its `allowed_outbound_hosts`"
            ))
    }

    fn deny(&self, why: &str) -> bool {
        tracing::warn!(component = %self.component, "{why}");
        false
    }

    fn grants(&self, scheme: &str, address: SocketAddr) -> bool {
        let (ip, port) = (address.ip().to_canonical(), Some(address.port()));
        if self.outbound.allows_host(scheme, &ip.to_string(), port) {
            return true;
        }
        let found = self.found.lock();
        let mut names = found.iter().filter(|(known, _)| *known == ip);
        names.any(|(_, name)| self.outbound.allows_host(scheme, name, port))
    }
}

fn is_address(name: &str) -> bool {
    name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

fn is_unspecified(address: SocketAddr) -> bool {
    address.ip().is_unspecified() && address.port() == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use SocketAddrUse::{TcpAccept, TcpBind, TcpConnect, TcpListen, UdpBind, UdpReceive, UdpSend};

    fn permissions(allowed: &[&str]) -> Arc<Permissions> {
        Permissions::new("guest".into(), Outbound::to(allowed))
    }

    fn allow(permissions: &Permissions, address: &str, usage: SocketAddrUse) -> bool {
        permissions.allow(address.parse().unwrap(), usage)
    }

    #[tokio::test]
    async fn addresses_are_granted_by_scheme_and_port() {
        let tcp = permissions(&["tcp://10.0.0.1:80", "udp://10.0.0.0/8:53"]);
        assert!(allow(&tcp, "10.0.0.1:80", TcpConnect));
        assert!(!allow(&tcp, "10.0.0.1:81", TcpConnect));
        assert!(!allow(&tcp, "10.0.0.1:53", TcpConnect));
        assert!(allow(&tcp, "10.9.0.1:53", UdpSend) && allow(&tcp, "10.9.0.1:53", UdpReceive));
        assert!(!allow(&tcp, "11.0.0.1:53", UdpSend) && !allow(&tcp, "11.0.0.1:53", UdpReceive));
        let all = permissions(&["*://*:*"]);
        assert!(allow(&all, "[::1]:9", TcpConnect) && allow(&all, "1.2.3.4:9", UdpSend));
        assert!(!allow(&permissions(&["http://10.0.0.1"]), "10.0.0.1:80", TcpConnect));
        assert!(!allow(&permissions(&[]), "127.0.0.1:80", TcpConnect));
    }

    #[tokio::test]
    async fn nothing_listens_even_where_all_is_granted() {
        let all = permissions(&["*://*:*"]);
        for usage in [TcpListen, TcpAccept] {
            assert!(!allow(&all, "0.0.0.0:0", usage));
        }
        assert!(!allow(&all, "127.0.0.1:8080", TcpBind));
        // A connection binds to a port that the system chooses.
        let none = permissions(&[]);
        assert!(allow(&none, "0.0.0.0:0", TcpBind) && allow(&none, "[::]:0", UdpBind));
        assert!(allow(&all, "127.0.0.1:8080", UdpBind));
        assert!(!allow(&none, "127.0.0.1:8080", UdpBind));
    }

    #[tokio::test]
    async fn the_addresses_of_a_granted_name_are_granted_once_they_are_found() {
        let by_name = permissions(&["tcp://db.example:5432"]);
        assert!(by_name.allow_lookup("DB.example") && by_name.allow_lookup("10.0.0.1"));
        assert!(!by_name.allow_lookup("other.example"));
        assert!(!allow(&by_name, "10.0.0.1:5432", TcpConnect));
        by_name.remember(&"db.example".into(), "10.0.0.1".parse().unwrap());
        assert!(allow(&by_name, "10.0.0.1:5432", TcpConnect));
        assert!(!allow(&by_name, "10.0.0.1:80", TcpConnect));
        assert!(!allow(&by_name, "10.0.0.1:5432", UdpSend));
        assert!(!allow(&by_name, "10.0.0.2:5432", TcpConnect));
    }

    #[tokio::test]
    async fn the_oldest_addresses_are_forgotten_first() {
        let by_name = permissions(&["tcp://db.example:1"]);
        let name: Arc<str> = "db.example".into();
        let address = |number: usize| format!("10.0.{}.{}", number / 256, number % 256);
        for number in 0..=FOUND_ADDRESSES_MAX {
            by_name.remember(&name, address(number).parse().unwrap());
        }
        let may_connect = |number| allow(&by_name, &format!("{}:1", address(number)), TcpConnect);
        assert!(!may_connect(0) && may_connect(1) && may_connect(FOUND_ADDRESSES_MAX));
    }
}
