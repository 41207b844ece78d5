//! Ports of servers. They are none that an operating system assigns by itself, so that a server can
//! be started again on its port, and none that the harness gives to hosts.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// A loopback address whose port is free.
pub(crate) fn free() -> SocketAddr {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Processes begin at different ports.
    let first = (std::process::id() as u16).wrapping_mul(61);
    let mut ports = PORTS.map(|_| {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        PORTS.start + number % PORTS.len() as u16
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    SocketAddr::from(([127, 0, 0, 1], ports.find(is_free).expect("a free port")))
}
