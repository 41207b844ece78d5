//! Connections to Redis, for everything in the host that uses one: components, stores, triggers.
//!
//! The crate `redis` encodes and decodes. Its own connections read replies of any size, and deliver
//! messages faster than they are processed. So sockets are opened here, and what is read from them is
//! measured before it is decoded: see [`Options`].

mod address;
mod connection;
mod error;
mod frames;
mod limited;
mod shared;
mod socket;
mod subscription;

pub use address::{Address, AddressError, Resolving};
pub use connection::Connection;
pub use error::Error;
pub use redis::{Arg, Cmd, FromRedisValue, ParsingError, Value, cmd};
pub use shared::Shared;
pub use subscription::{Message, Subscription};

use std::time::Duration;

/// The limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a server may take to accept a connection and to authenticate it.
    pub connect_timeout: Duration,
    /// How long a server may take to reply; `None` if the caller limits it.
    pub response_timeout: Option<Duration>,
    /// The size of a reply or a message, in bytes. Each element of a list counts
    /// [`ELEMENT_BYTES`] in addition. A larger one closes the connection.
    pub reply_max_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            response_timeout: Some(Duration::from_secs(30)),
            reply_max_bytes: 32 << 20,
        }
    }
}

/// What each element of a reply counts, because it takes memory even if it is empty.
pub const ELEMENT_BYTES: usize = 64;
