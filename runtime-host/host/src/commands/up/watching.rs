//! `tessera watch` while the application is up.

use crate::application::Running;
use crate::commands::watch::Session;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Begins to watch the files of the application, if that is asked for. Returns a stop signal that also
/// comes when a change takes a restart.
#[expect(clippy::disallowed_methods, reason = "it ends with the stop signal, and is awaited")]
pub(super) fn begin(
    session: Option<Session>,
    running: &Running,
    stop: watch::Receiver<bool>,
) -> (watch::Receiver<bool>, Option<JoinHandle<()>>) {
    let Some(session) = session else { return (stop, None) };
    let (sender, receiver) = watch::channel(false);
    let rollouts = running.rollouts();
    let task = tokio::spawn(async move {
        session.run(rollouts, stop).await;
        // If no receiver is left, everything has already stopped.
        let _ = sender.send(true);
    });
    (receiver, Some(task))
}

/// Waits until it has ended.
pub(super) async fn end(watching: Option<JoinHandle<()>>) {
    if let Some(Err(error)) = async { Some(watching?.await) }.await {
        tracing::error!("files were not watched until the end: {error}");
    }
}
