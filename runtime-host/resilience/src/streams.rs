//! A limit for concurrent streamed responses.
//!
//! The client determines how long an event stream or a large download lasts. It must not use up the
//! permits of calls, which are for short work. So streams are counted here, in total and per client,
//! so that one client can't use all streams. A stream over a limit is refused immediately: waiting
//! would not help, because other clients determine when their streams end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// The limits of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Maximum concurrent streams.
    pub streams_max: usize,
    /// Maximum concurrent streams of one client.
    pub streams_per_client_max: usize,
}

/// Counts streams. Clones share the count.
#[derive(Clone)]
pub struct Streams(Arc<Shared>);

struct Shared {
    options: Options,
    open: Mutex<Open>,
}

/// The open streams; at most one entry per stream.
#[derive(Default)]
struct Open {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// The permit of one stream. Dropping it releases it.
#[must_use = "the stream is no longer counted as soon as the permit is dropped"]
pub struct StreamPermit {
    shared: Arc<Shared>,
    client: Option<IpAddr>,
}

/// Why a stream was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OpenError {
    /// `streams_max` streams are open.
    #[error("too many responses are being streamed")]
    Full,
    /// The client has `streams_per_client_max` open streams.
    #[error("too many responses are being streamed to this client")]
    ClientFull,
}

impl Streams {
    /// Limits without open streams.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared { options, open: Mutex::default() }))
    }

    /// Takes a permit for a stream to this client. Streams without a client only count in total.
    ///
    /// # Errors
    /// The limit in total or that of the client is reached.
    pub fn open(&self, client: Option<IpAddr>) -> Result<StreamPermit, OpenError> {
        let client = client.map(client_of);
        let Options { streams_max, streams_per_client_max } = self.0.options;
        let mut open = self.0.open.lock();
        if open.all >= streams_max {
            return Err(OpenError::Full);
        }
        if let Some(client) = client {
            let own = open.by_client.get(&client).copied().unwrap_or(0);
            if own >= streams_per_client_max {
                return Err(OpenError::ClientFull);
            }
            open.by_client.insert(client, own + 1);
        }
        open.all += 1;
        Ok(StreamPermit { shared: self.0.clone(), client })
    }

    /// The number of open streams.
    pub fn running(&self) -> usize {
        self.0.open.lock().all
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock();
        open.all -= 1;
        let Some(client) = self.client else { return };
        match open.by_client.get_mut(&client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                open.by_client.remove(&client);
            }
        }
    }
}

/// The client of an address: an IPv4 address, or an IPv6 /64 network, which usually belongs to one
/// customer.
pub fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}
