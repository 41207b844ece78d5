//! Flags of `spin up` without a counterpart: they have no effect.

use clap::Args;
use std::path::PathBuf;

/// Flags of `spin up` without a counterpart.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of Spin without a counterpart")]
pub(super) struct Foreign {
    /// No effect: components can always use `wasi:otel`.
    #[arg(long)]
    experimental_wasi_otel: bool,
    /// No effect: compiled code is in `--cache-dir`, not in the cache of wasmtime.
    #[arg(long = "cache", env = "WASMTIME_CACHE_FILE", value_name = "FILE")]
    wasmtime_cache: Option<PathBuf>,
    /// No effect: the head of a request may have 64 KiB, and a connection reads at most 400 KiB at
    /// once.
    #[arg(long, env = "SPIN_HTTP1_MAX_BUF_SIZE", value_name = "BYTES")]
    http1_max_buf_size: Option<usize>,
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
        if self.http1_max_buf_size.is_some() {
            let what = "--http1-max-buf-size (SPIN_HTTP1_MAX_BUF_SIZE)";
            tracing::warn!("{what} has no effect: the head of a request may have 64 KiB");
        }
    }
}
