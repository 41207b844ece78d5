//! One invocation of an instance: its time limits, its end, and the report of a failure.

use super::streamed_body::ReaderGoneError;
use crate::calls::{Admitted, CallError, Kind};
use crate::engine::instances::{GuestState, Instance, Revision, State, classify};
use crate::engine::scheduling::{CpuClock, LazyTimeout, PollDriver, within};
use crate::telemetry::Outcome;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::component::Accessor;

/// How long a guest may continue after it has responded completely.
pub(super) const AFTERWORK_MAX: Duration = Duration::from_secs(30);

/// An invocation of an instance, which is driven on the clock of the instance.
pub(super) struct Invocation {
    clock: Arc<CpuClock>,
    driver: Arc<PollDriver>,
    deadline: Instant,
    after_reply: Duration,
}

impl Invocation {
    /// One that has to reply by the deadline of its call. From the deadline on, one that has
    /// replied may continue for `after_reply`.
    pub(super) fn new<G: GuestState>(
        instance: &Instance<G>,
        admitted: &Admitted,
        after_reply: Duration,
    ) -> Self {
        let cpu = &instance.store.data().cpu;
        let (clock, driver) = (cpu.clock.clone(), cpu.driver.clone());
        Self { clock, driver, deadline: admitted.deadline.instant(), after_reply }
    }

    /// Runs its work to the end. `None` if its time is over.
    pub(super) async fn run<F: Future>(
        self,
        work: F,
        replied: impl Fn() -> bool,
    ) -> Option<F::Output> {
        let mut work = pin!(self.driver.run(self.clock.measure(work)));
        let mut timeout = LazyTimeout::until(self.deadline);
        let mut after_reply = Some(self.after_reply);
        poll_fn(|cx| {
            // What the guest waits for may have the same deadline: it must not respond to that
            // after its own deadline.
            if !replied() && timeout.is_over() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            loop {
                ready!(timeout.poll(cx));
                // The deadline is about the reply; what continues after it has its own limit.
                match after_reply.take().filter(|_| replied()) {
                    Some(limit) => timeout = LazyTimeout::until(Instant::now() + limit),
                    None => return Poll::Ready(None),
                }
            }
        })
        .await
    }
}

/// Waits until a guest that has responded has nothing left to do.
pub(super) async fn afterwork<G: GuestState>(
    accessor: &Accessor<State<G>>,
) -> wasmtime::Result<()> {
    let ended = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
    within(AFTERWORK_MAX, ended).await.ok_or_else(|| {
        let max = AFTERWORK_MAX.as_secs();
        wasmtime::format_err!("it was still running {max} s after its response")
    })
}

/// Keeps the instance for another call if its invocation ended well.
pub(super) fn release<G: GuestState>(
    revision: &Revision<G>,
    mut instance: Instance<G>,
    ended: Option<wasmtime::Result<Outcome>>,
) -> Result<Outcome, CallError> {
    match ended {
        Some(Ok(outcome)) => {
            revision.give_back(instance);
            Ok(outcome)
        }
        Some(Err(error)) if error.is::<ReaderGoneError>() => Ok(Outcome::Cancelled),
        Some(Err(error)) => Err(classify(&error, instance.store.data_mut())),
        None => Err(CallError::new(Kind::DeadlineExceeded, "it did not respond in time")),
    }
}

/// Ends a call. A failure is logged, and sent to the caller.
pub(super) fn end(
    component: &str,
    mut admitted: Admitted,
    result: Result<Outcome, CallError>,
    send: impl FnOnce(CallError),
) {
    let span = &mut admitted.span;
    let outcome = result.unwrap_or_else(|error| {
        tracing::warn!(
            component,
            operation = %span.operation,
            trace_id = %format_args!("{:032x}", span.context.trace_id),
            request_id = span.context.request_id.as_deref(),
            blame = error.kind.blame().name(),
            "{error}"
        );
        let failed = error.kind.outcome();
        send(error);
        failed
    });
    span.end(outcome);
}
