//! Low-priority threads for long computations.
//!
//! A call begins on the thread that serves its connection, where it starts immediately and where
//! most calls end within a fraction of a millisecond. A longer computation would repeatedly block
//! all other requests of its thread. So its future moves to these threads, which the operating
//! system runs at a lower priority than the serving threads. Calls on these threads yield to each
//! other at every epoch tick.

use crate::telemetry::{ComponentLabels, Telemetry};
use anyhow::Context as _;
use prometheus_client::metrics::counter::Counter;
use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// The nice value of these threads. If a serving thread needs the same core, a background thread
/// gets about a tenth of the time, so that neither starves.
const NICE: i32 = 10;

thread_local! {
    static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
    /// Whether the call that is being polled on this thread should move to the background.
    static MOVE_REQUESTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is a background thread.
pub(crate) fn is_current() -> bool {
    IS_CURRENT.get()
}

/// Requests that the call that is being polled moves to the background.
pub(crate) fn request_move() {
    MOVE_REQUESTED.set(!is_current());
}

/// Whether a move was requested since the last check. Resets the request.
pub(crate) fn move_requested() -> bool {
    MOVE_REQUESTED.replace(false)
}

/// The work of a call. Dropping it stops the call.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The result of polling a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Ended,
    Waits,
    /// It should continue in the background.
    Computes,
}

/// Polls a call. Its request to move never affects the next call that is polled on this thread,
/// even if this call has just ended.
pub(crate) fn poll(work: &mut Work, cx: &mut Context<'_>) -> Step {
    MOVE_REQUESTED.set(false);
    let poll = work.as_mut().poll(cx);
    match (poll, move_requested()) {
        (Poll::Ready(()), _) => Step::Ended,
        (Poll::Pending, true) => Step::Computes,
        (Poll::Pending, false) => Step::Waits,
    }
}

/// The threads. Dropping them stops their calls.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts one thread for each core.
    ///
    /// Errors: the operating system can't create a thread or an event queue.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("background")
            .on_thread_start(|| {
                IS_CURRENT.set(true);
                lower_priority();
            })
            .enable_all()
            .build();
        Ok(Self(Some(runtime.context("the background threads could not be started")?)))
    }

    /// The background for the calls of one component. `None` after the threads have stopped.
    pub(crate) fn of(&self, component: &str, telemetry: &Telemetry) -> Option<Background> {
        let labels = ComponentLabels { component: component.to_owned() };
        let moved = telemetry.metrics.moved_to_background.get_or_create_owned(&labels);
        Some(Background { threads: self.0.as_ref()?.handle().clone(), moved })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Don't wait: this may be dropped inside a task.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the current thread.
pub(crate) fn lower_priority() {
    // On Linux it applies to the thread, on other systems to the whole process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::setpriority_process(None, NICE)
    {
        tracing::warn!("the priority of background threads could not be lowered: {error}");
    }
}

/// The background for the calls of one component.
#[derive(Clone)]
pub(crate) struct Background {
    threads: Handle,
    moved: Counter,
}

impl Background {
    /// Continues a call there. It is canceled when the handle is dropped.
    pub(crate) fn spawn(&self, work: Work) -> AbortOnDropHandle<()> {
        self.moved.inc();
        AbortOnDropHandle::new(self.threads.spawn(work))
    }

    /// Begins work there that no caller waits for.
    pub(crate) fn begin(&self, work: Work) {
        drop(self.threads.spawn(work));
    }

    /// A background that uses the threads of the test.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self { threads: Handle::current(), moved: Counter::default() }
    }

    /// The number of calls that have moved.
    #[cfg(test)]
    pub(crate) fn moved(&self) -> u64 {
        self.moved.get()
    }
}
