//! What `tessera up` prints: its log, its addresses, and the output of components.

use crate::application::GuestOutputOptions;
use crate::commands::path_or_empty;
use crate::telemetry::LogFormat;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What is printed.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print no progress, no addresses and no output of components, and log only warnings.
    #[arg(short, long, aliases = ["sh", "shush"], conflicts_with = "follow")]
    pub(super) quiet: bool,
    /// Log only the output of this component. Can be repeated [default: all components].
    #[arg(long, value_name = "ID")]
    follow: Vec<String>,
    /// A directory in which the output of each component is also kept, in the files
    /// `<id>_stdout.txt` and `<id>_stderr.txt`. A file that is longer than 64 MiB is renamed to
    /// `<id>_stdout.1.txt`. An empty value means none [default: `log_dir` of the runtime
    /// configuration, or none].
    #[arg(short = 'L', long, env = "SPIN_LOG_DIR", value_name = "DIR",
          value_parser = path_or_empty())]
    log_dir: Option<PathBuf>,
    /// Empty the files of `--log-dir` first.
    #[arg(long)]
    truncate_logs: bool,
    /// What is printed on standard output when the application is ready: nothing, or its URL and
    /// its routes as JSON, as Spin prints them.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: Format,
    /// The format of the log. With `json`, every line on standard error is a JSON object, including
    /// the addresses and startup errors.
    #[arg(long, env = "TESSERA_LOG_FORMAT", value_enum, default_value_t)]
    pub(super) log_format: LogFormat,
    /// Log a line for each request from outside, when its response has ended.
    #[arg(long, env = "TESSERA_ACCESS_LOG", value_parser = BoolishValueParser::new())]
    pub(super) access_log: bool,
    /// The log filter, for example `info,tessera::span=debug` [default: `info`, or `warn` with
    /// `--quiet`].
    #[arg(long, env = "RUST_LOG", value_name = "FILTER")]
    log: Option<String>,
}

/// What is printed on standard output when the application is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Nothing: the addresses are on standard error.
    #[default]
    Plain,
    /// One JSON object.
    Json,
}

impl Output {
    /// The filter of the log.
    pub(super) fn filter(&self) -> &str {
        self.log.as_deref().unwrap_or(if self.quiet { "warn" } else { "info" })
    }

    /// Whether bars may be drawn; lines of the log say the same where they are not.
    pub(super) fn shows_bars(&self) -> bool {
        !self.quiet && self.log_format == LogFormat::Human
    }

    pub(super) fn of_guests(&self) -> GuestOutputOptions {
        GuestOutputOptions {
            logged: match (self.quiet, self.follow.as_slice()) {
                (true, _) => Some(Vec::new()),
                (false, []) => None,
                (false, ids) => Some(ids.to_vec()),
            },
            log_dir: self.log_dir.clone(),
            truncate: self.truncate_logs,
        }
    }
}
