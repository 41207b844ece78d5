//! Load on something that has no socket: tasks of this process that call it again and again.

use super::{Latencies, Sample};
use anyhow::Result;
use futures::future::try_join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Calls `operation` from this number of tasks for this time, with the number of the task and of
/// the call within the task.
pub(crate) async fn hammer<F, Fut>(
    workers: usize,
    duration: Duration,
    operation: F,
) -> Result<Sample>
where
    F: Fn(usize, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let operation = Arc::new(operation);
    let begin = Instant::now();
    let until = begin + duration;
    let task = |worker| {
        let operation = operation.clone();
        tokio::spawn(async move {
            let mut latencies = Latencies::new()?;
            for call in 0.. {
                let start = Instant::now();
                operation(worker, call).await?;
                let end = Instant::now();
                latencies.record(end - start);
                if end >= until {
                    break;
                }
                // What never waits must not keep the others from their turn.
                tokio::task::consume_budget().await;
            }
            anyhow::Ok(latencies)
        })
    };
    let mut all = Latencies::new()?;
    for worker in try_join_all((0..workers).map(task)).await? {
        all.add(&worker?)?;
    }
    Ok(all.sample(0, begin.elapsed()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test]
    async fn every_worker_gets_its_turn_although_no_call_waits() {
        let calls: Arc<[AtomicU64; 4]> = Arc::default();
        let counted = calls.clone();
        let sample = hammer(4, Duration::from_secs(1), move |worker, _| {
            counted[worker].fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(()))
        });
        let sample = sample.await.unwrap();
        let calls = calls.each_ref().map(|calls| calls.load(Ordering::Relaxed));
        assert_eq!(sample.requests, calls.iter().sum::<u64>());
        assert!(calls.iter().all(|calls| *calls > 1), "{calls:?}");
    }

    #[tokio::test]
    async fn a_failure_is_no_measurement() {
        let failing = |_, _| std::future::ready(Err(anyhow::anyhow!("full")));
        assert!(hammer(1, Duration::ZERO, failing).await.is_err());
    }
}
