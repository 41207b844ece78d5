//! Stores in Redis, which several hosts may share, with the layout of stock Spin.
//!
//! A key of a store is a key of the database that the address names, and its value is a string. So all
//! labels of one address are one store, and other programs can read and write it. Counters are decimal
//! numbers, as `INCRBY` makes them.
//!
//! Of the guarantees of the port, those about the disk are up to the configuration of the server. See
//! `versions` for what compare-and-swap notices of other hosts, and `expiry` for keys that expire.

mod expiry;
mod listing;
mod store;
mod versions;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tessera_redis::{Address, Cmd, Error as RedisError, FromRedisValue, Shared};

use crate::{Error, ErrorKind, KeyValue, Limits, Result, Stores, limits::check_label};
use store::Store;
use versions::Versions;

/// The limits of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The limits of single operations.
    pub limits: Limits,
    /// The limits of the connection. A reply has at least the size of the largest value.
    pub connection: tessera_redis::Options,
}

impl Default for Options {
    fn default() -> Self {
        let connection = tessera_redis::Options {
            connect_timeout: Duration::from_secs(5),
            reply_max_bytes: 40 << 20,
            ..tessera_redis::Options::default()
        };
        Self { limits: Limits::default(), connection }
    }
}

/// The engine: the database of one address.
pub struct Redis {
    server: Arc<Server>,
}

/// What the stores of an engine share.
struct Server {
    shared: Shared,
    limits: Limits,
    versions: Versions,
    closed: AtomicBool,
}

impl Redis {
    /// An engine that connects when it is used.
    pub fn new(address: Address, options: Options) -> Self {
        let server = Server {
            shared: Shared::new(address, options.connection),
            limits: options.limits,
            versions: Versions::new(),
            closed: AtomicBool::new(false),
        };
        Self { server: Arc::new(server) }
    }

    /// Whether the server can be reached now.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if not.
    pub async fn check(&self) -> Result<()> {
        self.server.query::<()>(&tessera_redis::cmd("PING")).await
    }
}

impl Stores for Redis {
    fn open(&self, label: &str) -> BoxFuture<'_, Result<Arc<dyn KeyValue>>> {
        let opened = check_label(label)
            .map(|()| Arc::new(Store::new(self.server.clone())) as Arc<dyn KeyValue>);
        futures::future::ready(opened).boxed()
    }

    fn sweep_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<u64>> {
        expiry::sweep(&self.server, now_ms).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.server.closed.store(true, Ordering::Release);
        futures::future::ready(Ok(())).boxed()
    }
}

impl Server {
    /// Sends a command.
    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::closed(&self.shared.address().to_string()));
        }
        self.shared.query(command).await.map_err(|error| self.error(error))
    }

    fn error(&self, error: RedisError) -> Error {
        let address = self.shared.address();
        let kind = match &error {
            RedisError::Refused { code, .. } => match code.as_str() {
                "OOM" => ErrorKind::Full,
                "NOAUTH" | "NOPERM" | "READONLY" => ErrorKind::Denied,
                "LOADING" | "BUSY" | "MASTERDOWN" | "MISCONF" => ErrorKind::Unavailable,
                // What the value is, or what the sum would be.
                _ => ErrorKind::Invalid,
            },
            RedisError::TooLarge { .. } | RedisError::UnexpectedReply(_) => ErrorKind::Invalid,
            RedisError::Connect { .. } | RedisError::Lost(_) | RedisError::Timeout => {
                ErrorKind::Unavailable
            }
        };
        // A guest sees the message of an invalid request, which so has no address.
        match kind {
            ErrorKind::Invalid => Error::new(kind, error.to_string()),
            _ => Error::new(kind, format!("{address}: {error}")),
        }
    }
}
