//! What one client may have of the HTTP front, and for how long it may keep the front waiting.
//!
//! A client is an IPv4 address or an IPv6 network of 64 bits. A proxy in front of the host is one
//! client, too: behind one, the limits per address have to be those of all its clients together.

use clap::Args;
use std::time::Duration;

/// The beginning of a body that is read before a component is asked to serve its request: small
/// bodies whole, so that a slow client holds no permit of the component.
pub(super) const READ_AHEAD_MAX_BYTES: usize = 64 * 1024;
/// A body of unknown length whose sender pauses for this long is passed on as a stream.
pub(super) const READ_AHEAD_PAUSE: Duration = Duration::from_millis(100);
/// How long an HTTP/2 connection may take to end after it was asked to.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections are refused above this part of what the operating system lets the process open:
/// stores, the event log and outbound requests need the rest.
const FILES_PER_CONNECTION: u64 = 2;

/// The limits, as flags of `tessera up`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of the HTTP front")]
pub(crate) struct FrontLimits {
    /// Open connections. More are refused. Half of the process's file handles is the most.
    #[arg(long, env = "TESSERA_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(2..))]
    pub(super) connections_max: u32,
    /// Open connections of one address; half of --connections-max is the most. More are refused.
    #[arg(long, env = "TESSERA_CONNECTIONS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) connections_per_address_max: u32,
    /// Requests of one address that are not answered to their end. More get 429.
    #[arg(long, env = "TESSERA_REQUESTS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) requests_per_address_max: u32,
    /// Answers to one address that are streams, as events are. More get 429.
    #[arg(long, env = "TESSERA_STREAMS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) streams_per_address_max: u32,
    /// Bodies of one address, over 64 KiB or of unknown length, that components read while they
    /// arrive. More wait, and get 429 if it takes too long.
    #[arg(long, env = "TESSERA_UPLOADS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) uploads_per_address_max: u32,
    /// Memory for small bodies that wait for their component. Without any left, requests with a
    /// body get 503.
    #[arg(long, env = "TESSERA_BODY_BUFFERS_MAX_MIB", value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) body_buffers_max_mib: u32,
    /// How long a handshake, the preface of HTTP/2 and the head of a request may take, and how
    /// long a connection of HTTP/1.1 may be idle.
    #[arg(long, env = "TESSERA_HEAD_TIMEOUT_MS", value_name = "MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) head_timeout_ms: u64,
    /// How long a connection of HTTP/2 may have no request in flight.
    #[arg(long, env = "TESSERA_IDLE_TIMEOUT_MS", value_name = "MS", default_value_t = 60_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) idle_timeout_ms: u64,
    /// How long the host waits for a body in all. Then the request gets 408.
    #[arg(long, env = "TESSERA_BODY_TIMEOUT_MS", value_name = "MS", default_value_t = 120_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) body_timeout_ms: u64,
    /// How long a pause in a body may be, and by how much it may be late at --body-rate-min.
    #[arg(long, env = "TESSERA_BODY_GRACE_MS", value_name = "MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) body_grace_ms: u64,
    /// The least rate of a body. A slower one gets 408.
    #[arg(long, env = "TESSERA_BODY_RATE_MIN", value_name = "BYTES_PER_S", default_value_t = 1_024,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) body_rate_min: u64,
    /// How long a client may take nothing of what it was answered. Then its connection is cut.
    #[arg(long, env = "TESSERA_WRITE_TIMEOUT_MS", value_name = "MS", default_value_t = 30_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) write_timeout_ms: u64,
    /// How long the answer may pause for a client that has closed its sending side: such a client
    /// may be waiting for the answer, or may be gone.
    #[arg(long, env = "TESSERA_HALF_CLOSE_TIMEOUT_MS", value_name = "MS", default_value_t = 5_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) half_close_timeout_ms: u64,
}

impl FrontLimits {
    /// The same limits, with no more connections than the process may have.
    pub(crate) fn within_files(mut self, files_max: Option<u64>) -> Self {
        let possible = files_max.map_or(u64::MAX, |files| files / FILES_PER_CONNECTION);
        let possible = u32::try_from(possible).unwrap_or(u32::MAX).max(2);
        if self.connections_max > possible {
            tracing::warn!(
                "the process may open few files, so --connections-max is {possible} and not {}: \
                 raise the limit (`ulimit -n`)",
                self.connections_max
            );
            self.connections_max = possible;
        }
        // One address must never be able to take all of them.
        let half = self.connections_max / 2;
        self.connections_per_address_max = self.connections_per_address_max.min(half);
        self
    }

    pub(super) fn head_timeout(&self) -> Duration {
        Duration::from_millis(self.head_timeout_ms)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(super) fn body_grace(&self) -> Duration {
        Duration::from_millis(self.body_grace_ms)
    }

    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    pub(super) fn half_close_timeout(&self) -> Duration {
        Duration::from_millis(self.half_close_timeout_ms)
    }
}
