//! Where `tessera up` keeps what it needs again.

use crate::commands::path_or_empty;
use clap::Args;
use clap::builder::BoolishValueParser;
use std::path::PathBuf;

/// Where things are kept.
#[derive(Debug, Args)]
pub(super) struct State {
    /// The directory of stores, the event log, secrets and compiled code. With an empty value,
    /// nothing is kept after the end [default: `state_dir` of the runtime configuration, or
    /// `.tessera` next to the manifest].
    #[arg(long, env = "SPIN_STATE_DIR", value_name = "DIR", value_parser = path_or_empty())]
    pub(super) state_dir: Option<PathBuf>,
    /// The directory of compiled code and of downloads [default: `cache` in the state directory].
    #[arg(long, env = "TESSERA_CACHE_DIR", value_name = "DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Compile all components at each start, and keep no compiled code.
    #[arg(long, env = "DISABLE_WASMTIME_CACHE", value_parser = BoolishValueParser::new())]
    pub(super) disable_cache: bool,
    /// The configuration of stores, providers of variables and outbound connections, in Spin's
    /// format.
    #[arg(long, env = "RUNTIME_CONFIG_FILE", value_name = "FILE")]
    pub(super) runtime_config_file: Option<PathBuf>,
}
