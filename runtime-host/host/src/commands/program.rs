//! The command of an application: while it runs, the application is up.

use crate::application::Running;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The exit code of a command that a signal has stopped.
const STOPPED: u8 = 130;

/// Begins the command of the application, if it has one. Returns a stop signal that also comes when the
/// command has ended, and the task that returns its exit code.
#[expect(clippy::disallowed_methods, reason = "it ends with the stop signal, and is awaited")]
pub(super) fn begin(
    running: &Running,
    mut stop: watch::Receiver<bool>,
) -> (watch::Receiver<bool>, Option<JoinHandle<u8>>) {
    let Some(command) = running.command() else { return (stop, None) };
    let (sender, receiver) = watch::channel(false);
    let task = tokio::spawn(async move {
        let code = tokio::select! {
            code = command.run() => code,
            // A closed channel means that everything is ending anyway.
            _ = stop.wait_for(|stop| *stop) => STOPPED,
        };
        // If no receiver is left, everything has already stopped.
        let _ = sender.send(true);
        code
    });
    (receiver, Some(task))
}
