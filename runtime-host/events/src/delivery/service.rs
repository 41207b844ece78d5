//! Starting and stopping.

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
    /// Between this log and this way to the subscribers. One service at a time for a log: two
    /// would deliver everything twice, in no order.
    pub fn new(queue: Arc<dyn Queue>, deliver: Arc<dyn Deliver>) -> Self {
        Self { queue, deliver }
    }

    /// Starts a task for each subscription and one for retention, on the current tokio runtime.
    pub fn start(self) -> Handle {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for place in 0..self.queue.served().len() {
            let (queue, deliver) = (Arc::clone(&self.queue), Arc::clone(&self.deliver));
            tasks.spawn(Pump::new(queue, deliver, place, stopped.clone()).run());
        }
        tasks.spawn(keep_tidy(self.queue, stopped));
        Handle { stop, tasks }
    }
}

/// Delivery at work. Dropping it cuts deliveries short; they are made again after the next start.
#[derive(Debug)]
pub struct Handle {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Handle {
    /// Starts no more deliveries and waits, at most this long, for those at work to end and to
    /// be noted. Gives whether they all did; the others are made again after the next start.
    pub async fn drain(mut self, patience: Duration) -> bool {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(patience, all).await.is_ok()
    }
}

/// Looks after retention from time to time.
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
                    tracing::warn!(%error, "events: retention has failed and is tried again");
                    break;
                }
            }
        }
    }
}
