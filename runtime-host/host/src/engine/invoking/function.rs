//! Calling an exported function of a component: the callee's side of a live link.

use super::failure::classify;
use crate::calls::{Admitted, Call, CallError, Kind, run_until_reply};
use crate::engine::instances::{Instance, Revision};
use crate::engine::scheduling::{LazyTimeout, within};
use crate::registry::Slot;
use crate::telemetry::Outcome;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wasmtime::component::{ComponentExportIndex, Val};

/// How long a guest may go on after it has returned.
const AFTERWORK_MAX: Duration = Duration::from_secs(30);

/// `shop:inventory/stock@1.0.0` and `reserve`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FunctionName {
    interface: Arc<str>,
    function: Arc<str>,
}

impl FunctionName {
    pub(crate) fn new(interface: &str, function: &str) -> Self {
        Self { interface: interface.into(), function: function.into() }
    }

    /// `stock.reserve`: the name in spans and metrics.
    pub(crate) fn short(&self) -> String {
        let name = self.interface.rsplit('/').next().unwrap_or(&self.interface);
        format!("{}.{}", name.split('@').next().unwrap_or(name), self.function)
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.interface, self.function)
    }
}

/// Call a function and wait for its results.
///
/// To be run as a task of its own: wasmtime does not nest the event loops of two stores in one
/// poll. Dropping it stops the callee.
pub(crate) async fn call(
    slot: Arc<Slot>,
    call: Call,
    function: FunctionName,
    arguments: Vec<Val>,
) -> Result<Vec<Val>, CallError> {
    let admitted = slot.admission.admit(call).await?;
    let revision = slot.revision.load_full();
    let background = revision.background.clone();
    run_until_reply(&background, |reply| perform(revision, admitted, function, arguments, reply))
        .await
}

type Reply = crate::calls::Reply<Vec<Val>>;

async fn perform(
    revision: Arc<Revision>,
    mut admitted: Admitted,
    function: FunctionName,
    arguments: Vec<Val>,
    reply: Reply,
) {
    let outcome = perform_within(&revision, &admitted, &function, &arguments, &reply).await;
    let outcome = outcome.unwrap_or_else(|error| {
        tracing::warn!(
            component = %revision.component.id,
            trace_id = %format_args!("{:032x}", admitted.span.context.trace_id),
            blame = error.kind.blame().name(),
            "{function}: {error}"
        );
        let failed = Outcome::Failed(error.kind);
        reply.send(Err(error));
        failed
    });
    admitted.span.end(outcome);
}

async fn perform_within(
    revision: &Revision,
    admitted: &Admitted,
    function: &FunctionName,
    arguments: &[Val],
    reply: &Reply,
) -> Result<Outcome, CallError> {
    let index = revision.function(function)?;
    let mut instance = revision.take(admitted).await?;
    let outcome = {
        let cpu = &instance.store.data().cpu;
        let (clock, turns) = (cpu.clock.clone(), cpu.turns.clone());
        let drive = drive(&mut instance, index, arguments, reply);
        let mut work = pin!(turns.run(clock.measure(drive)));
        let mut patience = LazyTimeout::until(admitted.deadline.instant());
        poll_fn(|cx| {
            // Late is late: what the guest waits for may have the same deadline.
            if !reply.sent() && patience.is_over() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            // The deadline is about the results; what the guest does after them has its own limit.
            if reply.sent() { Poll::Pending } else { patience.poll(cx).map(|()| None) }
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

async fn drive(
    instance: &mut Instance,
    index: ComponentExportIndex,
    arguments: &[Val],
    reply: &Reply,
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
            within(AFTERWORK_MAX, afterwork)
                .await
                .ok_or_else(|| wasmtime::format_err!("it went on too long after it returned"))?;
            Ok(outcome)
        })
        .await?
}
