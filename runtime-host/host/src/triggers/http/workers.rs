//! The threads that serve connections, each with its own runtime.
//!
//! A connection stays on one thread, and so does everything that its requests cause inside the
//! process: the guest, its callees, the response. So no request has to wake up another core, which
//! costs more than a call of a warm guest. On the other hand, a busy thread can't pass work to an
//! idle one. Therefore a new connection is assigned to the thread with the fewest connections, and
//! not to one that the kernel selects by a hash.
//!
//! Work that no client waits for (deliveries, schedules) and the admin listener stay on the main
//! runtime.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// How long blocking work of a thread may continue after it was stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// All serving threads. Dropping them stops what they still do.
pub(crate) struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    /// Each of its connections has a clone, so the number of references is their number.
    connections: Arc<()>,
    /// The thread. It stops when the sender is dropped.
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Workers {
    /// Starts `count` threads.
    ///
    /// Errors: the operating system has no thread or no event queue left.
    pub(crate) fn start(count: NonZeroUsize) -> io::Result<Self> {
        (0..count.get()).map(Worker::start).collect::<io::Result<_>>().map(Self)
    }

    /// Runs a connection on the thread that has the fewest.
    pub(super) fn serve<F>(&self, connection: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let load = |worker: &&Worker| Arc::strong_count(&worker.connections);
        let Some(worker) = self.0.iter().min_by_key(load) else { return };
        let counted = worker.connections.clone();
        worker.runtime.spawn(async move {
            connection.await;
            drop(counted);
        });
    }
}

impl Worker {
    fn start(index: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("serve-{index}"))
            .spawn(move || run(runtime, stopped))?;
        Ok(Self { runtime: handle, connections: Arc::default(), thread: Some((stop, thread)) })
    }
}

fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    // The sender is never used: it is dropped to stop the thread.
    let _ = runtime.block_on(stopped);
    runtime.shutdown_timeout(STOP_TIMEOUT);
}

impl Drop for Workers {
    fn drop(&mut self) {
        // All of them are asked to stop before waiting for the first.
        let threads: Vec<_> = self.0.iter_mut().filter_map(|worker| worker.thread.take()).collect();
        let (stops, threads): (Vec<_>, Vec<_>) = threads.into_iter().unzip();
        drop(stops);
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a serving thread panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::thread::{ThreadId, current};
    use tokio::sync::{mpsc, watch};

    /// Starts connections that report their thread and then wait for the end.
    struct Connections {
        workers: Workers,
        end: watch::Sender<bool>,
        threads: (mpsc::UnboundedSender<ThreadId>, mpsc::UnboundedReceiver<ThreadId>),
    }

    impl Connections {
        fn new(workers: usize) -> Self {
            let workers = Workers::start(NonZeroUsize::new(workers).unwrap()).unwrap();
            Self { workers, end: watch::channel(false).0, threads: mpsc::unbounded_channel() }
        }

        async fn open(&mut self) -> ThreadId {
            let (sender, mut end) = (self.threads.0.clone(), self.end.subscribe());
            self.workers.serve(async move {
                sender.send(current().id()).unwrap();
                let _ = end.wait_for(|end| *end).await;
            });
            self.threads.1.recv().await.unwrap()
        }
    }

    #[tokio::test]
    async fn connections_are_spread_evenly() {
        let mut connections = Connections::new(3);
        let mut counts = HashMap::new();
        for _ in 0..9 {
            *counts.entry(connections.open().await).or_insert(0) += 1;
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [3, 3, 3]);
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test awaits them")]
    async fn tasks_of_a_connection_stay_on_its_thread() {
        let workers = Workers::start(NonZeroUsize::new(2).unwrap()).unwrap();
        let (sender, mut threads) = mpsc::unbounded_channel();
        workers.serve(async move {
            let own = current().id();
            for _ in 0..100 {
                let callee = tokio::spawn(async { current().id() }).await.unwrap();
                sender.send((own, callee)).unwrap();
            }
        });
        while let Some((own, callee)) = threads.recv().await {
            assert_eq!(own, callee);
        }
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_no_longer_counted() {
        let workers = Workers::start(NonZeroUsize::MIN).unwrap();
        let (sender, mut ended) = mpsc::unbounded_channel::<()>();
        workers.serve(async move { drop(sender) });
        assert_eq!(ended.recv().await, None);
        // On the same thread, so it runs after the first has ended for good.
        let (sender, mut count) = mpsc::unbounded_channel();
        let connections = workers.0[0].connections.clone();
        workers.serve(async move { sender.send(Arc::strong_count(&connections)).unwrap() });
        // Those of the worker, of the second connection, and of this test.
        assert_eq!(count.recv().await, Some(3));
    }

    #[tokio::test]
    async fn stopping_drops_running_connections() {
        let mut connections = Connections::new(2);
        connections.open().await;
        let Connections { workers, threads, .. } = connections;
        let (sender, mut threads) = threads;
        drop(sender);
        tokio::task::spawn_blocking(|| drop(workers)).await.unwrap();
        assert_eq!(threads.recv().await, None);
    }
}
