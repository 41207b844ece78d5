//! SIGHUP: the configuration is read again.
//!
//! A terminal that is closed sends the same signal, so a host that was started from one ends then, as
//! programs do by default.

use crate::rollouts::Configurator;
use std::io::IsTerminal as _;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// Who has changed the configuration, in the history.
const BY: &str = "SIGHUP";

/// Listens until the task is aborted.
#[expect(clippy::disallowed_methods, reason = "it is aborted when the application stops")]
pub(super) fn listen(configurator: Arc<dyn Configurator>) -> anyhow::Result<JoinHandle<()>> {
    if std::io::stdin().is_terminal() {
        return Ok(tokio::spawn(async {}));
    }
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match configurator.reload(BY.to_owned()).await {
                Ok(applied) if applied.is_empty() => {
                    tracing::info!("reloaded: nothing has changed for any component");
                }
                Ok(applied) => {
                    let ids: Vec<_> = applied.into_iter().map(|one| one.component).collect();
                    tracing::info!("reloaded: {} have a new configuration", ids.join(", "));
                }
                Err(error) => tracing::error!("not reloaded: {error}"),
            }
        }
    }))
}
