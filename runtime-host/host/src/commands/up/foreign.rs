//! Flags of `spin up` that this host has only for those who know Spin. Most have no effect.

use clap::Args;
use std::path::PathBuf;

/// Other flags of `spin up`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other flags of Spin")]
pub(super) struct Foreign {
    /// No effect: components can always use `wasi:otel`.
    #[arg(long)]
    experimental_wasi_otel: bool,
    /// No effect: compiled code is in `--cache-dir`, not in the cache of wasmtime.
    #[arg(long = "cache", env = "WASMTIME_CACHE_FILE", value_name = "FILE")]
    wasmtime_cache: Option<PathBuf>,
    /// Size of the head of a request by HTTP/1, and of what such a connection reads at once [default:
    /// 64 KiB for the head, and 400 KiB].
    #[arg(long, env = "SPIN_HTTP1_MAX_BUF_SIZE", value_name = "BYTES",
          value_parser = clap::value_parser!(u32).range(8_192..=1_048_576))]
    pub(super) http1_max_buf_size: Option<u32>,
}

impl Foreign {
    /// Warns of flags without effect.
    pub(super) fn warn(&self) {
        if self.experimental_wasi_otel {
            tracing::debug!("components can always use `wasi:otel`");
        }
        if self.wasmtime_cache.is_some() {
            let what = "--cache (WASMTIME_CACHE_FILE)";
            tracing::warn!("{what} has no effect: compiled code is in --cache-dir");
        }
    }
}
