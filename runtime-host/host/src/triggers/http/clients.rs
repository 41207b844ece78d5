//! The current usage of each client: connections, requests, streams and uploads.
//!
//! A client that uses as much as possible must not affect others. So usage is counted per address,
//! and only the address that exceeds a limit is refused.

use super::limits::FrontLimits;
use crate::telemetry::{FrontLimit, Telemetry};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use tessera_resilience::streams::client_of;
use tokio::sync::Semaphore;

/// All connected clients.
pub(crate) struct Clients {
    pub(super) limits: FrontLimits,
    telemetry: Arc<Telemetry>,
    open: Mutex<Open>,
    /// Buffered bytes of small bodies.
    buffered: AtomicUsize,
}

#[derive(Default)]
struct Open {
    connections: u32,
    /// By the address that stands for the client.
    clients: HashMap<IpAddr, Entry>,
}

struct Entry {
    connections: u32,
    client: Arc<Client>,
}

/// The usage of one client, over all its connections.
struct Client {
    requests: Count,
    streams: Count,
    uploads: Arc<Semaphore>,
}

/// A count with a limit.
struct Count {
    now: AtomicU32,
    max: u32,
}

impl Count {
    fn below(max: u32) -> Self {
        Self { now: AtomicU32::new(0), max }
    }

    /// Increments the count. False if the limit is reached.
    fn take(&self) -> bool {
        let more = |now: u32| (now < self.max).then_some(now + 1);
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open connection of a client. Dropping it releases it.
pub(super) struct ConnectionPermit {
    clients: Arc<Clients>,
    /// The address that stands for the client: its own, or that of its IPv6 network.
    address: IpAddr,
    client: Arc<Client>,
}

impl Clients {
    pub(crate) fn new(limits: FrontLimits, telemetry: Arc<Telemetry>) -> Arc<Self> {
        Arc::new(Self { limits, telemetry, open: Mutex::default(), buffered: AtomicUsize::new(0) })
    }

    /// Count a connection, or return the limit that is reached.
    pub(super) fn connect(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Result<ConnectionPermit, FrontLimit> {
        let address = client_of(address);
        let mut open = self.open.lock();
        let of_client = open.clients.get(&address).map_or(0, |entry| entry.connections);
        let over = if of_client >= self.limits.connections_per_address_max {
            Some(FrontLimit::ConnectionsPerAddress)
        } else if open.connections >= self.limits.connections_max {
            Some(FrontLimit::Connections)
        } else {
            None
        };
        if let Some(limit) = over {
            return Err(self.reached(limit));
        }
        open.connections += 1;
        let entry = open.clients.entry(address).or_insert_with(|| Entry {
            connections: 0,
            client: Arc::new(Client::new(&self.limits)),
        });
        entry.connections += 1;
        self.telemetry.metrics.connections.inc();
        Ok(ConnectionPermit { clients: self.clone(), address, client: entry.client.clone() })
    }

    /// Count that a limit was reached.
    pub(super) fn reached(&self, limit: FrontLimit) -> FrontLimit {
        self.telemetry.metrics.limit_reached(limit);
        limit
    }
}

#[cfg(test)]
impl Clients {
    /// No clients, with these flags.
    pub(super) fn of_test(flags: &[&str]) -> Arc<Self> {
        use clap::{Args as _, FromArgMatches as _};
        let command = FrontLimits::augment_args(clap::Command::new("test").no_binary_name(true));
        let matches = command.get_matches_from(flags);
        let limits = FrontLimits::from_arg_matches(&matches).unwrap().within_files(None);
        Self::new(limits, Arc::default())
    }
}

impl Client {
    fn new(limits: &FrontLimits) -> Self {
        Self {
            requests: Count::below(limits.requests_per_address_max),
            streams: Count::below(limits.streams_per_address_max),
            uploads: Arc::new(Semaphore::new(limits.uploads_per_address_max as usize)),
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.clients.open.lock();
        open.connections -= 1;
        if let Some(entry) = open.clients.get_mut(&self.address) {
            entry.connections -= 1;
            if entry.connections == 0 {
                open.clients.remove(&self.address);
            }
        }
        self.clients.telemetry.metrics.connections.dec();
    }
}

impl ConnectionPermit {
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(super) fn client_address(&self) -> IpAddr {
        self.address
    }

    /// Count another request in flight. False if the limit is reached.
    pub(super) fn begin_request(&self) -> bool {
        self.client.requests.take()
    }

    pub(super) fn end_request(&self) {
        self.client.requests.give_back();
    }

    /// Count another stream. False if the limit is reached.
    pub(super) fn begin_stream(&self) -> bool {
        self.client.streams.take()
    }

    pub(super) fn end_stream(&self) {
        self.client.streams.give_back();
    }

    /// The permits for bodies that are passed on while they arrive.
    pub(super) fn uploads(&self) -> Arc<Semaphore> {
        self.client.uploads.clone()
    }

    /// Memory for a body that is read before it is passed on; none is reserved yet.
    pub(super) fn buffer(&self) -> Buffer {
        Buffer { clients: self.clients.clone(), bytes: 0 }
    }
}

/// Memory that is reserved for a body. Dropping it releases it.
///
/// It grows with the bytes that arrive. Were the announced length reserved, clients could use up
/// all memory for bodies with a few bytes each.
pub(super) struct Buffer {
    clients: Arc<Clients>,
    bytes: usize,
}

impl Buffer {
    /// Increases the reservation to this size. False if not enough is left.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let max = self.clients.limits.body_buffers_max_mib as usize * 1024 * 1024;
        let missing = bytes.saturating_sub(self.bytes);
        let more = |now: usize| Some(now + missing).filter(|now| *now <= max);
        let buffered = &self.clients.buffered;
        let is_left = buffered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if is_left {
            self.bytes += missing;
        }
        is_left
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.clients.buffered.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(clients: &Arc<Clients>, address: &str) -> Result<ConnectionPermit, FrontLimit> {
        clients.connect(address.parse().unwrap())
    }

    #[test]
    fn an_address_at_its_connection_limit_does_not_affect_others() {
        let clients = Clients::of_test(&["--connections-max=6", "--connections-per-address-max=2"]);
        let first = connect(&clients, "192.0.2.1").ok().unwrap();
        let _second = connect(&clients, "::ffff:192.0.2.1").ok().unwrap();
        let refused = connect(&clients, "192.0.2.1").err();
        assert_eq!(refused, Some(FrontLimit::ConnectionsPerAddress));
        let _other = connect(&clients, "192.0.2.2").ok().unwrap();
        drop(first);
        assert!(connect(&clients, "192.0.2.1").is_ok());
    }

    #[test]
    fn one_address_never_gets_all_connections() {
        let clients = Clients::of_test(&["--connections-max=4"]);
        let own: Vec<_> = (0..8).filter_map(|_| connect(&clients, "192.0.2.1").ok()).collect();
        assert_eq!(own.len(), 2);
        let _others = [2, 3].map(|n| connect(&clients, &format!("192.0.2.{n}")).ok().unwrap());
        assert_eq!(connect(&clients, "192.0.2.4").err(), Some(FrontLimit::Connections));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_client() {
        let clients = Clients::of_test(&["--connections-per-address-max=1"]);
        let _one = connect(&clients, "2001:db8::1").ok().unwrap();
        assert!(connect(&clients, "2001:db8:0:0:ffff::9").is_err());
        assert!(connect(&clients, "2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn requests_and_streams_are_counted_over_all_connections() {
        let clients =
            Clients::of_test(&["--requests-per-address-max=2", "--streams-per-address-max=1"]);
        let [one, two] = [(); 2].map(|()| connect(&clients, "192.0.2.1").ok().unwrap());
        assert!(one.begin_request() && two.begin_request() && !one.begin_request());
        assert!(one.begin_stream() && !two.begin_stream());
        two.end_request();
        one.end_stream();
        assert!(one.begin_request() && two.begin_stream());
        assert!(connect(&clients, "192.0.2.2").ok().unwrap().begin_request());
    }

    #[test]
    fn buffers_are_bounded_over_all_clients() {
        const PIECE: usize = 64 * 1024;
        let clients = Clients::of_test(&["--body-buffers-max-mib=1"]);
        let permit = connect(&clients, "192.0.2.1").ok().unwrap();
        let mut held: Vec<_> = (0..17).map(|_| permit.buffer()).collect();
        let full = held.iter_mut().filter_map(|buffer| buffer.grow(PIECE).then_some(())).count();
        assert_eq!(full, 16);
        assert!(held[0].grow(1) && held[0].grow(PIECE), "it has that much already");
        assert!(!held[0].grow(PIECE + 1) && !held[16].grow(1));
        drop(held.remove(1));
        assert!(held[0].grow(PIECE + 1) && held[15].grow(PIECE - 1) && !held[15].grow(PIECE));
    }
}
