//! Takes items out of a queue and sends them in batches.

use super::delivery::Delivery;
use crate::telemetry::otlp::{Item, Queued};
use std::borrow::Borrow;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// A batch ends with the item that reaches this size. Together with a large one, that is less than
/// the 4 MiB that servers of gRPC accept by default.
const BATCH_MAX_BYTES: usize = 2 * 1024 * 1024;

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
    pub(super) async fn send<T: Item>(
        self,
        mut items: Receiver<Queued<T>>,
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
    async fn collect<T: Item>(
        &self,
        items: &mut Receiver<Queued<T>>,
        batch: &mut Vec<T>,
        stop: &CancellationToken,
    ) -> bool {
        let Some(first) = next(items, stop).await else { return false };
        let mut bytes = first.size_bytes();
        batch.push(first);
        let rest = async {
            while batch.len() < self.batch_length_max && bytes < BATCH_MAX_BYTES {
                let Some(item) = next(items, stop).await else { return };
                bytes += item.size_bytes();
                batch.push(item);
            }
        };
        // After that time, the batch is what has come.
        let _ = tokio::time::timeout(self.delay, rest).await;
        true
    }
}

/// The next item. After the stop signal, only those that are queued.
async fn next<T>(items: &mut Receiver<Queued<T>>, stop: &CancellationToken) -> Option<T> {
    let next = tokio::select! {
        biased;
        item = items.recv() => item,
        () = stop.cancelled() => {
            items.close();
            items.recv().await
        }
    };
    next.map(Queued::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Large;

    impl Item for Large {
        fn size_bytes(&self) -> usize {
            BATCH_MAX_BYTES / 2
        }
    }

    #[tokio::test]
    async fn a_batch_ends_when_it_is_large() {
        let (sender, mut items) = tokio::sync::mpsc::channel(8);
        for _ in 0..5 {
            sender.try_send(Queued::alone(Large)).unwrap();
        }
        drop(sender);
        let minute = Duration::from_secs(60);
        let batches =
            Batches { delay: minute, timeout: minute, queue_length_max: 8, batch_length_max: 8 };
        let (mut batch, mut lengths) = (Vec::new(), Vec::new());
        let stop = CancellationToken::new();
        while batches.collect(&mut items, &mut batch, &stop).await {
            lengths.push(batch.len());
            batch.clear();
        }
        assert_eq!(lengths, [2, 2, 1]);
    }
}
