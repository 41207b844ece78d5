//! Receives the messages of one server, and connects again when the connection ends.

use crate::triggers::failures::Failures;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use tessera_redis::{Address, Error, Message, Options, Subscription};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The pause after the first failed attempt. It doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A server, and the queues of each channel.
pub(super) struct Listener {
    pub(super) address: Address,
    pub(super) queues: BTreeMap<String, Vec<mpsc::Sender<Bytes>>>,
}

impl Listener {
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.repeat() => {}
            // A closed channel means that everything is ending anyway.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn repeat(&self) {
        let channels: Vec<String> = self.queues.keys().cloned().collect();
        let mut failures = Failures::default();
        let mut pause = PAUSE_MIN;
        loop {
            let error = match self.subscribe(&channels).await {
                Ok(mut subscription) => {
                    failures.ended();
                    pause = PAUSE_MIN;
                    self.receive(&mut subscription).await
                }
                Err(error) => error,
            };
            if let Some(unlogged) = failures.failed(Instant::now()) {
                let address = &self.address;
                tracing::error!(%address, unlogged, "no messages arrive from Redis: {error}");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn subscribe(&self, channels: &[String]) -> Result<Subscription, Error> {
        let subscription = Subscription::open(&self.address, channels, Options::default()).await?;
        let channels = channels.join(", ");
        tracing::info!(address = %self.address, channels, "subscribed to Redis");
        Ok(subscription)
    }

    /// Passes messages on until the connection ends.
    async fn receive(&self, subscription: &mut Subscription) -> Error {
        loop {
            let Message { channel, payload } = match subscription.next().await {
                Ok(message) => message,
                Err(error) => return error,
            };
            let payload = Bytes::from(payload);
            for queue in self.queues.get(&channel).into_iter().flatten() {
                // A handler ends after its listener only.
                let _ = queue.send(payload.clone()).await;
            }
        }
    }
}
