//! The end of `tessera up`: what is in progress may finish, within a time limit.

use crate::readiness::Readiness;
use crate::triggers::http::DrainOutcome;
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;
use tessera_events::delivery::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A stop signal that is delayed by this time after the application was asked to stop. In between,
/// the application is not ready.
#[expect(clippy::disallowed_methods, reason = "it ends with the stop signal")]
pub(super) fn not_ready_first(
    stop: watch::Receiver<bool>,
    readiness: Arc<Readiness>,
    delay: Duration,
) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        wait(stop).await;
        readiness.stop();
        tokio::time::sleep(delay).await;
        // If no receiver is left, everything has already stopped.
        let _ = sender.send(true);
    });
    receiver
}

/// Work that continues until the application stops.
pub(super) struct BackgroundTasks {
    pub(super) serving: JoinHandle<DrainOutcome>,
    pub(super) schedules: JoinHandle<()>,
    pub(super) messages: JoinHandle<()>,
    pub(super) deliveries: Option<Handle>,
}

impl BackgroundTasks {
    /// Wait until the application is asked to stop, and then, for at most `patience`, until
    /// requests, schedules, messages and deliveries in progress are done.
    pub(super) async fn drain(
        self,
        stop: watch::Receiver<bool>,
        patience: Duration,
    ) -> anyhow::Result<DrainOutcome> {
        let schedules = async {
            wait(stop.clone()).await;
            tracing::info!("stopping: requests in flight may finish");
            Ok(ends(self.schedules, patience).await)
        };
        let messages = async {
            wait(stop.clone()).await;
            Ok(ends(self.messages, patience).await)
        };
        let deliveries = async {
            wait(stop.clone()).await;
            match self.deliveries {
                Some(deliveries) => Ok(deliveries.drain(patience).await),
                None => Ok(true),
            }
        };
        let serving = async { self.serving.await.context("the listener ended") };
        Ok(match tokio::try_join!(serving, schedules, messages, deliveries)? {
            (DrainOutcome::Complete, true, true, true) => DrainOutcome::Complete,
            _ => DrainOutcome::Cut,
        })
    }
}

/// Whether a task ends within `patience`. If not, it is aborted.
async fn ends(task: JoinHandle<()>, patience: Duration) -> bool {
    let abort = task.abort_handle();
    let ended = tokio::time::timeout(patience, task).await.is_ok();
    abort.abort();
    ended
}

pub(super) async fn wait(mut stop: watch::Receiver<bool>) {
    // A closed channel means that everything is ending anyway.
    let _ = stop.wait_for(|stop| *stop).await;
}
