//! Takes items out of a queue and sends them in batches.

use super::delivery::Delivery;
use std::borrow::Borrow;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// When a batch is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batches {
    /// How long the first item of a batch waits for others.
    pub(super) delay: Duration,
    /// How long a batch is tried to be sent.
    pub(super) timeout: Duration,
    /// Items that wait; further ones are dropped.
    pub(super) queue_length_max: usize,
    /// Items in one request.
    pub(super) batch_length_max: usize,
}

impl Batches {
    /// Sends all items, until the queue is closed, or empty after the stop signal.
    pub(super) async fn send<T>(
        self,
        mut items: Receiver<T>,
        delivery: impl Borrow<Delivery>,
        encode: impl Fn(&[T]) -> Vec<u8>,
        stop: CancellationToken,
    ) {
        let delivery: &Delivery = delivery.borrow();
        let mut batch = Vec::with_capacity(self.batch_length_max);
        while self.collect(&mut items, &mut batch, &stop).await {
            let count = batch.len() as u64;
            delivery.deliver(encode(&batch), count, self.timeout).await;
            batch.clear();
        }
    }

    /// Whether there is another batch.
    async fn collect<T>(
        &self,
        items: &mut Receiver<T>,
        batch: &mut Vec<T>,
        stop: &CancellationToken,
    ) -> bool {
        let Some(first) = next(items, stop).await else { return false };
        batch.push(first);
        let rest = async {
            while batch.len() < self.batch_length_max {
                let Some(item) = next(items, stop).await else { return };
                batch.push(item);
            }
        };
        // After that time, the batch is what has come.
        let _ = tokio::time::timeout(self.delay, rest).await;
        true
    }
}

/// The next item. After the stop signal, only those that are queued.
async fn next<T>(items: &mut Receiver<T>, stop: &CancellationToken) -> Option<T> {
    tokio::select! {
        biased;
        item = items.recv() => item,
        () = stop.cancelled() => {
            items.close();
            items.recv().await
        }
    }
}
