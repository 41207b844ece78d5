//! SIGHUP: the configuration is read again.
//!
//! A terminal that is closed sends the same signal, so a host that was started from one ends then, as
//! programs do by default.

use crate::rollouts::Configurator;
use std::fs::File;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// Who has changed the configuration, in the history.
const BY: &str = "SIGHUP";

/// The terminal of the process, whatever its standard input is. It can't be opened if there is none.
const TERMINAL: &str = "/dev/tty";

/// The signals to this process; none if it was started from a terminal.
pub(super) struct Hangups(Option<Signal>);

impl Hangups {
    /// From here on, a signal does not end the process. One that comes before [`Hangups::listen`] is
    /// handled then.
    pub(super) fn of_process() -> anyhow::Result<Self> {
        if File::open(TERMINAL).is_ok() {
            return Ok(Self(None));
        }
        Ok(Self(Some(signal(SignalKind::hangup())?)))
    }

    /// Listens until the task is aborted.
    #[expect(clippy::disallowed_methods, reason = "it is aborted when the application stops")]
    pub(super) fn listen(self, configurator: Arc<dyn Configurator>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let Some(mut hangup) = self.0 else { return };
            while hangup.recv().await.is_some() {
                reload(&*configurator).await;
            }
        })
    }
}

async fn reload(configurator: &dyn Configurator) {
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
