//! Threads of low priority for calls that compute for long.
//!
//! A call begins on the thread that serves its connection, where it runs at once and where most
//! calls end within a fraction of a millisecond. One that computes for longer than that would hold
//! up all other requests of its thread, turn after turn. So it moves: its future goes on here, on
//! threads that the operating system gives what the serving threads leave over. Among themselves
//! such calls take turns at every tick of the epoch.

use crate::telemetry::{ComponentLabels, Telemetry};
use anyhow::Context as _;
use prometheus_client::metrics::counter::Counter;
use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// How nice these threads are: one of them gets a tenth of the time of a serving thread that wants
/// the same core, so that neither of them starves.
const NICE: i32 = 10;

thread_local! {
    static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
    /// The call that is being polled on this thread should go on in the background.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is a thread of the background.
pub(super) fn is_current() -> bool {
    IS_CURRENT.get()
}

/// Ask to move the call that is being polled.
pub(super) fn ask() {
    ASKED.set(!is_current());
}

/// Whether it was asked for since this was last looked at.
pub(super) fn asked() -> bool {
    ASKED.replace(false)
}

/// What a poll of a call has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Ended,
    Waits,
    /// It should go on in the background.
    Computes,
}

/// Poll a call. What it asks for is for itself: whoever is polled on this thread next has nothing to
/// do with it, even if this call has just ended.
pub(super) fn poll<W: Future<Output = ()>>(call: Pin<&mut W>, cx: &mut Context<'_>) -> Step {
    ASKED.set(false);
    let poll = call.poll(cx);
    match (poll, asked()) {
        (Poll::Ready(()), _) => Step::Ended,
        (Poll::Pending, true) => Step::Computes,
        (Poll::Pending, false) => Step::Waits,
    }
}

/// The threads. Dropping them stops what they still do.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    /// One for each core.
    ///
    /// Errors: the operating system has no thread or no event queue left.
    pub(super) fn start() -> anyhow::Result<Self> {
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

    /// The background for the calls of one component. None once the threads are stopped.
    pub(super) fn of(&self, component: &str, telemetry: &Telemetry) -> Option<Background> {
        let labels = ComponentLabels { component: component.to_owned() };
        let moved = telemetry.metrics.moved_to_background.get_or_create_owned(&labels);
        Some(Background { threads: self.0.as_ref()?.handle().clone(), moved })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Without waiting: it may be dropped by a task.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Let the current thread have what other threads leave over.
pub(super) fn lower_priority() {
    // Linux takes it for the thread, other systems for the whole process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::setpriority_process(None, NICE)
    {
        tracing::warn!("background work has the priority of requests: {error}");
    }
}

/// Where the calls of one component go that compute for long.
#[derive(Clone)]
pub(super) struct Background {
    threads: Handle,
    moved: Counter,
}

impl Background {
    /// Go on with a call there. It ends when the handle is dropped.
    pub(super) fn go_on<W>(&self, call: Pin<Box<W>>) -> AbortOnDropHandle<()>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        self.moved.inc();
        AbortOnDropHandle::new(self.threads.spawn(call))
    }

    /// Threads that are no others than those of the test.
    #[cfg(test)]
    pub(super) fn of_test() -> Self {
        Self { threads: Handle::current(), moved: Counter::default() }
    }

    /// Calls that have moved.
    #[cfg(test)]
    pub(super) fn moved(&self) -> u64 {
        self.moved.get()
    }
}
