//! Start and stop of delivery.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{Deliver, Queue, pump::Pump};

/// Delivery that has not been started.
pub struct Service {
    queue: Arc<dyn Queue>,
    deliver: Arc<dyn Deliver>,
}

impl Service {
    /// Creates a service between a log and a transport. A log must have only one service at a time:
    /// two would deliver everything twice, and out of order.
    pub fn new(queue: Arc<dyn Queue>, deliver: Arc<dyn Deliver>) -> Self {
        Self { queue, deliver }
    }

    /// Starts a task per subscription and one for retention, on the current tokio runtime.
    pub fn start(self) -> Handle {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for index in 0..self.queue.served().len() {
            let (queue, deliver) = (Arc::clone(&self.queue), Arc::clone(&self.deliver));
            tasks.spawn(Pump::new(queue, deliver, index, stopped.clone()).run());
        }
        tasks.spawn(keep_tidy(self.queue, stopped));
        Handle { stop, tasks }
    }
}

/// A running delivery. Dropping it aborts deliveries; they are repeated after the next start.
#[derive(Debug)]
pub struct Handle {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Handle {
    /// Starts no more deliveries, and waits for running ones and the recording of their outcomes, up
    /// to a maximum. Returns whether all have ended; others are repeated after the next start.
    pub async fn drain(mut self, wait_max: Duration) -> bool {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(wait_max, all).await.is_ok()
    }
}

/// Runs retention periodically.
async fn keep_tidy(queue: Arc<dyn Queue>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval(queue.options().retention_interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        loop {
            match queue.tidy().await {
                Ok(more) if more && !*stopped.borrow() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "events: retention failed and will be retried");
                    break;
                }
            }
        }
    }
}
