//! Limits of the HTTP front for each client, and its timeouts.
//!
//! A client is an IPv4 address or an IPv6 /64 network. A proxy in front of the host is one client:
//! behind a proxy, the limits per address must be high enough for all its clients together.

use clap::Args;
use std::time::Duration;

/// How much of a body is read before its component is called. Small bodies are read completely, so
/// that a slow client holds no permit of the component.
pub(super) const READ_AHEAD_MAX_BYTES: usize = 64 * 1024;
/// A body of unknown length is passed on as a stream when its sender pauses for this long, unless
/// it is JSON or a form.
pub(super) const READ_AHEAD_PAUSE: Duration = Duration::from_millis(100);
/// How long an HTTP/2 connection may take to close after it was asked to.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// At most one connection per this number of file handles is accepted: stores, the event log and
/// outbound requests need the rest.
const FILES_PER_CONNECTION: u64 = 2;

/// The limits, as flags of `tessera up`. The table in `docs/limits.md` is generated from them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of the HTTP front")]
pub(crate) struct FrontLimits {
    /// Open connections. Further ones are closed. At most half of the process's file handles.
    #[arg(long, env = "TESSERA_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(2..))]
    pub(super) connections_max: u32,
    /// Open connections of one address. Further ones are closed. At most half of
    /// `--connections-max`.
    #[arg(long, env = "TESSERA_CONNECTIONS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) connections_per_address_max: u32,
    /// Requests in flight of one address. Further ones get 429 `too-many-requests`.
    #[arg(long, env = "TESSERA_REQUESTS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) requests_per_address_max: u32,
    /// Streamed responses to one address, for example event streams. Further ones get 429
    /// `too-many-streams`.
    #[arg(long, env = "TESSERA_STREAMS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) streams_per_address_max: u32,
    /// Request bodies of one address that are over 64 KiB, or of unknown length and with a pause.
    /// Further ones wait, and get 429 `too-many-uploads` after `--body-timeout-ms`.
    #[arg(long, env = "TESSERA_UPLOADS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) uploads_per_address_max: u32,
    /// Memory for buffering small request bodies. Beyond it, requests with a body get 503
    /// `overloaded`.
    #[arg(long, env = "TESSERA_BODY_BUFFERS_MAX_MIB", value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) body_buffers_max_mib: u32,
    /// Time for a TLS handshake, the HTTP/2 preface, the head of a request, and for an idle
    /// HTTP/1.1 connection. After that, the connection is closed; this is not counted in the
    /// metric.
    #[arg(long, env = "TESSERA_HEAD_TIMEOUT_MS", value_name = "MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) head_timeout_ms: u64,
    /// Time for an HTTP/2 connection without requests in flight. After that, it is closed.
    #[arg(long, env = "TESSERA_IDLE_TIMEOUT_MS", value_name = "MS", default_value_t = 60_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) idle_timeout_ms: u64,
    /// Total time of waiting for one request body. After that, the request gets 408
    /// `body-incomplete`.
    #[arg(long, env = "TESSERA_BODY_TIMEOUT_MS", value_name = "MS", default_value_t = 3_600_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) body_timeout_ms: u64,
    /// A pause in a request body, or its delay relative to `--body-rate-min`. Beyond it, the
    /// request gets 408 `body-incomplete`.
    #[arg(long, env = "TESSERA_BODY_GRACE_MS", value_name = "MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) body_grace_ms: u64,
    /// Minimum rate of a request body. A slower one gets 408 `body-incomplete`.
    #[arg(long, env = "TESSERA_BODY_RATE_MIN", value_name = "BYTES_PER_S", default_value_t = 1_024,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) body_rate_min: u64,
    /// Time in which a client reads nothing of a response. After that, its connection is closed.
    #[arg(long, env = "TESSERA_WRITE_TIMEOUT_MS", value_name = "MS", default_value_t = 30_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) write_timeout_ms: u64,
    /// Time in which a client that has closed its sending side reads nothing. After that, its
    /// request is canceled.
    #[arg(long, env = "TESSERA_HALF_CLOSE_TIMEOUT_MS", value_name = "MS", default_value_t = 5_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) half_close_timeout_ms: u64,
    /// The buffer of a connection of HTTP/1, in bytes, if it is set by a flag of Spin.
    #[arg(skip)]
    pub(super) http1_buffer_bytes: Option<u32>,
}

impl FrontLimits {
    /// The same limits with this buffer for connections of HTTP/1.
    pub(crate) fn with_http1_buffer(self, http1_buffer_bytes: Option<u32>) -> Self {
        Self { http1_buffer_bytes, ..self }
    }

    /// The same limits, reduced to the connections that the process can open.
    pub(crate) fn within_files(mut self, files_max: Option<u64>) -> Self {
        let possible = files_max.map_or(u64::MAX, |files| files / FILES_PER_CONNECTION);
        let possible = u32::try_from(possible).unwrap_or(u32::MAX).max(2);
        if self.connections_max > possible {
            tracing::warn!(
                "the limit of open files is too low, so --connections-max is {possible} instead of \
                 {}: raise it (`ulimit -n`)",
                self.connections_max
            );
            self.connections_max = possible;
        }
        // One address must never be able to use all of them.
        let half = self.connections_max / 2;
        self.connections_per_address_max = self.connections_per_address_max.min(half);
        self
    }
}

/// Declares the timeouts as durations.
macro_rules! durations {
    ($($name:ident: $field:ident),*) => {
        impl FrontLimits {
            $(pub(super) fn $name(&self) -> Duration {
                Duration::from_millis(self.$field)
            })*
        }
    };
}

durations! {
    head_timeout: head_timeout_ms,
    idle_timeout: idle_timeout_ms,
    body_timeout: body_timeout_ms,
    body_grace: body_grace_ms,
    write_timeout: write_timeout_ms,
    half_close_timeout: half_close_timeout_ms
}
