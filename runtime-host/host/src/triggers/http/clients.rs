//! What each client has of the front now: connections, requests, streams and uploads.
//!
//! One client that takes all it can get must cost only itself. So there is a count for each
//! address, and what is over a limit is refused to that address alone.

use super::limits::{FrontLimits, READ_AHEAD_MAX_BYTES};
use crate::telemetry::{FrontLimit, Telemetry};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// The bits of an IPv6 address that a single machine is given to choose addresses from.
const IPV6_NETWORK_BITS: u32 = 64;

/// All clients that are connected.
pub(crate) struct Clients {
    pub(super) limits: FrontLimits,
    telemetry: Arc<Telemetry>,
    open: Mutex<Open>,
    /// Bytes of small bodies that are buffered.
    buffered: AtomicUsize,
}

#[derive(Default)]
struct Open {
    connections: u32,
    clients: HashMap<Network, Entry>,
}

struct Entry {
    connections: u32,
    client: Arc<Client>,
}

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let free = u128::BITS - IPV6_NETWORK_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> free << free))
            }
        })
    }
}

/// What one client has, over all its connections.
struct Client {
    requests: Count,
    streams: Count,
    uploads: Arc<Semaphore>,
}

/// A count that stays below a limit.
struct Count {
    now: AtomicU32,
    max: u32,
}

impl Count {
    fn below(max: u32) -> Self {
        Self { now: AtomicU32::new(0), max }
    }

    /// Whether there was room for one more, which is then taken.
    fn take(&self) -> bool {
        let more = |now: u32| (now < self.max).then_some(now + 1);
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open connection of a client. Dropping it makes room for another.
pub(super) struct ConnectionPermit {
    clients: Arc<Clients>,
    network: Network,
    client: Arc<Client>,
}

impl Clients {
    pub(crate) fn new(limits: FrontLimits, telemetry: Arc<Telemetry>) -> Arc<Self> {
        Arc::new(Self { limits, telemetry, open: Mutex::default(), buffered: AtomicUsize::new(0) })
    }

    /// Count a connection, or say which limit it is over.
    pub(super) fn connect(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Result<ConnectionPermit, FrontLimit> {
        let network = Network::from(address);
        let mut open = self.lock();
        let of_client = open.clients.get(&network).map_or(0, |entry| entry.connections);
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
        let entry = open.clients.entry(network).or_insert_with(|| Entry {
            connections: 0,
            client: Arc::new(Client::new(&self.limits)),
        });
        entry.connections += 1;
        self.telemetry.metrics.front.connections.inc();
        Ok(ConnectionPermit { clients: self.clone(), network, client: entry.client.clone() })
    }

    /// Count that something was refused or cut at a limit.
    pub(super) fn reached(&self, limit: FrontLimit) -> FrontLimit {
        self.telemetry.metrics.front.reached(limit);
        limit
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Clients {
    /// None yet, with these flags.
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
        let mut open = self.clients.lock();
        open.connections -= 1;
        if let Some(entry) = open.clients.get_mut(&self.network) {
            entry.connections -= 1;
            if entry.connections == 0 {
                open.clients.remove(&self.network);
            }
        }
        self.clients.telemetry.metrics.front.connections.dec();
    }
}

impl ConnectionPermit {
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Whether the client may have one more request in flight, which is then counted.
    pub(super) fn begin_request(&self) -> bool {
        self.client.requests.take()
    }

    pub(super) fn end_request(&self) {
        self.client.requests.give_back();
    }

    /// Whether the client may have one more stream, which is then counted.
    pub(super) fn begin_stream(&self) -> bool {
        self.client.streams.take()
    }

    pub(super) fn end_stream(&self) {
        self.client.streams.give_back();
    }

    /// The permits for bodies that components read while they arrive.
    pub(super) fn uploads(&self) -> Arc<Semaphore> {
        self.client.uploads.clone()
    }

    /// Memory for a body that is read before it is passed on, if there is any left.
    pub(super) fn buffer(&self, bytes: usize) -> Option<Buffer> {
        debug_assert!(bytes <= READ_AHEAD_MAX_BYTES);
        let max = self.clients.limits.body_buffers_max_mib as usize * 1024 * 1024;
        let more = |now: usize| Some(now + bytes).filter(|now| *now <= max);
        let buffered = &self.clients.buffered;
        buffered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Buffer { clients: self.clients.clone(), bytes })
    }
}

/// Memory that a body has. Dropping it makes room for others.
pub(super) struct Buffer {
    clients: Arc<Clients>,
    bytes: usize,
}

impl Buffer {
    /// Keep no more than this.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let free = self.bytes.saturating_sub(bytes);
        self.bytes -= free;
        self.clients.buffered.fetch_sub(free, Ordering::Relaxed);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(clients: &Arc<Clients>, address: &str) -> Result<ConnectionPermit, FrontLimit> {
        clients.connect(address.parse().unwrap())
    }

    #[test]
    fn an_address_that_has_all_its_connections_costs_others_none() {
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
    fn one_address_never_takes_all_connections() {
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
    fn requests_and_streams_are_counted_over_all_connections_of_a_client() {
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
        let clients = Clients::of_test(&["--body-buffers-max-mib=1"]);
        let permit = connect(&clients, "192.0.2.1").ok().unwrap();
        let mut held: Vec<_> = std::iter::from_fn(|| permit.buffer(READ_AHEAD_MAX_BYTES)).collect();
        assert_eq!(held.len(), 16);
        held[0].shrink(1);
        assert!(permit.buffer(READ_AHEAD_MAX_BYTES - 1).is_some());
        assert!(permit.buffer(READ_AHEAD_MAX_BYTES).is_none());
    }
}
