//! Calling an exported function of a component: the callee's side of a live link.

use super::{AFTERWORK_MAX, FunctionCall};
use crate::calls::{Admitted, CallError, Kind, Reply};
use crate::engine::instances::{FunctionName, GuestState, Instance, Revision, classify};
use crate::engine::scheduling::{LazyTimeout, within};
use crate::telemetry::Outcome;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use wasmtime::component::{ComponentExportIndex, Val};

/// Serves a call. Ends when the guest has nothing left to do.
pub(super) async fn serve<G: GuestState>(
    revision: Arc<Revision<G>>,
    mut admitted: Admitted,
    call: FunctionCall,
    reply: Reply<Vec<Val>>,
) {
    let FunctionCall { function, arguments } = call;
    let outcome = run(&revision, &admitted, &function, &arguments, &reply).await;
    let outcome = outcome.unwrap_or_else(|error| {
        tracing::warn!(
            component = %revision.component.id,
            trace_id = %format_args!("{:032x}", admitted.span.context.trace_id),
            blame = error.kind.blame().name(),
            "{function}: {error}"
        );
        let failed = error.kind.outcome();
        reply.send(Err(error));
        failed
    });
    admitted.span.end(outcome);
}

async fn run<G: GuestState>(
    revision: &Revision<G>,
    admitted: &Admitted,
    function: &FunctionName,
    arguments: &[Val],
    reply: &Reply<Vec<Val>>,
) -> Result<Outcome, CallError> {
    let index = revision.function(function)?;
    let mut instance = revision.take(admitted).await?;
    let outcome = {
        let cpu = &instance.store.data().cpu;
        let (clock, driver) = (cpu.clock.clone(), cpu.driver.clone());
        let drive = drive(&mut instance, index, arguments, reply);
        let mut work = pin!(driver.run(clock.measure(drive)));
        let mut timeout = LazyTimeout::until(admitted.deadline.instant());
        poll_fn(|cx| {
            // What the guest waits for may have the same deadline.
            if !reply.sent() && timeout.is_over() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            // The deadline is about the results; what the guest does after them has its own limit.
            if reply.sent() { Poll::Pending } else { timeout.poll(cx).map(|()| None) }
        })
        .await
    };
    match outcome {
        Some(Ok(outcome)) => {
            revision.give_back(instance);
            Ok(outcome)
        }
        Some(Err(error)) => Err(classify(&error, instance.store.data_mut())),
        None => {
            let detail = format!("{function} did not return in time");
            Err(CallError::new(Kind::DeadlineExceeded, detail))
        }
    }
}

async fn drive<G: GuestState>(
    instance: &mut Instance<G>,
    index: ComponentExportIndex,
    arguments: &[Val],
    reply: &Reply<Vec<Val>>,
) -> wasmtime::Result<Outcome> {
    let Instance { store, guest, .. } = instance;
    let function = guest
        .get_func(&mut *store, index)
        .ok_or_else(|| wasmtime::format_err!("the export is not a function"))?;
    let mut results = vec![Val::Bool(false); function.ty(&mut *store).results().len()];
    store
        .run_concurrent(async |accessor| {
            function.call_concurrent(accessor, arguments, &mut results).await?;
            let outcome = match results.first() {
                Some(Val::Result(Err(_))) => Outcome::Refused,
                _ => Outcome::Ok,
            };
            reply.send(Ok(results));
            let afterwork = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
            within(AFTERWORK_MAX, afterwork).await.ok_or_else(|| {
                wasmtime::format_err!(
                    "it was still running {} s after it returned",
                    AFTERWORK_MAX.as_secs()
                )
            })?;
            Ok(outcome)
        })
        .await?
}
