//! The end of `tessera up`: what is in progress may finish, within a time limit.

use super::supervisor::Supervisor;
use crate::readiness::Readiness;
use crate::triggers::http::DrainOutcome;
use anyhow::Context as _;
use clap::{Args, value_parser};
use std::sync::Arc;
use std::time::Duration;
use tessera_events::delivery::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest delay and the longest timeout: a supervisor that waits for an hour has none of its own.
const SECONDS_MAX: u64 = 3_600;

/// How `tessera up` stops.
#[derive(Debug, Args)]
pub(super) struct Drain {
    /// Seconds that requests in flight may take to finish after a stop signal: at most 3,600.
    #[arg(long, default_value_t = 30, value_name = "SECONDS",
          value_parser = value_parser!(u64).range(..=SECONDS_MAX))]
    drain_timeout: u64,
    /// Seconds to keep serving after a stop signal while `/readyz` already fails, at most 3,600: the
    /// time that a load balancer needs to notice.
    #[arg(long, default_value_t = 0, value_name = "SECONDS",
          value_parser = value_parser!(u64).range(..=SECONDS_MAX))]
    drain_delay: u64,
}

impl Drain {
    /// How long what is in progress may take.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.drain_timeout)
    }

    /// A stop signal that comes later than the original one by the delay. In between, the application
    /// serves, and is not ready.
    #[expect(clippy::disallowed_methods, reason = "it ends with the stop signal")]
    pub(super) fn not_ready_first(
        &self,
        stop: watch::Receiver<bool>,
        readiness: Arc<Readiness>,
        supervisor: Supervisor,
    ) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(false);
        let seconds = self.drain_delay;
        tokio::spawn(async move {
            wait(stop).await;
            readiness.stop();
            supervisor.stopping();
            if seconds > 0 {
                tracing::info!("stopping: not ready from now on, and serving for {seconds} s");
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            // If no receiver is left, everything has already stopped.
            let _ = sender.send(true);
        });
        receiver
    }
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
