//! The log: one line per event on standard error, as text or as JSON.

use super::otlp::{Export, LogLayer};
use super::recent_logs::{RecentLogs, RecentLogsLayer};
use std::io::IsTerminal as _;
use std::sync::Arc;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// The format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// One readable line per event.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Starts logging. What is logged is also kept for some time, and exported. `directives` has the
/// syntax of `RUST_LOG`: `info,tessera=debug`.
pub(crate) fn init(
    format: LogFormat,
    directives: &str,
    export: Arc<Export>,
    recent: Arc<RecentLogs>,
) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| anyhow::anyhow!("the log filter `{directives}` is not valid: {error}"))?;
    let lines = fmt::Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let (exported, kept) = (LogLayer(export), RecentLogsLayer(recent));
    let result = match format {
        LogFormat::Human => {
            let lines = lines.compact().finish();
            tracing::subscriber::set_global_default(lines.with(exported).with(kept))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).finish();
            tracing::subscriber::set_global_default(lines.with(exported).with(kept))
        }
    };
    result.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
