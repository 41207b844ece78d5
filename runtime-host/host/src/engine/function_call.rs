//! Calling an exported function of a component: the callee's side of a live link.

use super::Revision;
use super::failure::classify;
use super::instance::Instance;
use crate::calls::{Admitted, Call, CallError, Kind};
use crate::registry::Slot;
use crate::telemetry::Outcome;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;
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
/// The callee runs as a task of its own: wasmtime does not nest the event loops of two
/// stores in one task. When the caller goes away, so does the callee.
pub(crate) async fn call(
    slot: Arc<Slot>,
    call: Call,
    function: FunctionName,
    arguments: Vec<Val>,
) -> Result<Vec<Val>, CallError> {
    let (reply, answer) = oneshot::channel();
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        let admitted = match slot.gate.admit(call).await {
            Ok(admitted) => admitted,
            Err(error) => return drop(reply.send(Err(error))),
        };
        perform(slot.revision.load_full(), admitted, function, arguments, reply).await;
    }));
    let results = answer.await.unwrap_or_else(|_| {
        Err(CallError::new(Kind::NoAnswer, "the callee ended without an answer"))
    });
    // The answer is there; what the task still does is its own business.
    drop(task.detach());
    results
}

type Reply = oneshot::Sender<Result<Vec<Val>, CallError>>;

async fn perform(
    revision: Arc<Revision>,
    mut admitted: Admitted,
    function: FunctionName,
    arguments: Vec<Val>,
    reply: Reply,
) {
    let mut reply = Some(reply);
    let outcome =
        match perform_within(&revision, &admitted, &function, &arguments, &mut reply).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(
                    component = %revision.component.id,
                    trace_id = %format_args!("{:032x}", admitted.span.context.trace_id),
                    blame = error.kind.blame().name(),
                    "{function}: {error}"
                );
                let failed = Outcome::Failed(error.kind);
                send(&mut reply, Err(error));
                failed
            }
        };
    admitted.span.end(outcome);
}

async fn perform_within(
    revision: &Revision,
    admitted: &Admitted,
    function: &FunctionName,
    arguments: &[Val],
    reply: &mut Option<Reply>,
) -> Result<Outcome, CallError> {
    let index = revision.function(function)?;
    let mut instance = revision.take(admitted).await?;
    let (returned, mut has_returned) = oneshot::channel();
    let clock = instance.store.data().cpu.clock.clone();
    let work = clock.measure(drive(&mut instance, index, arguments, reply, returned));
    // The deadline is about the results; what the guest does after them has its own limit.
    let late = async {
        tokio::select! {
            Ok(()) = &mut has_returned => std::future::pending().await,
            () = sleep_until(admitted.deadline.instant()) => {}
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = work => outcome,
        () = late => {
            let detail = format!("{function} did not return in time");
            return Err(CallError::new(Kind::DeadlineExceeded, detail));
        }
    };
    match outcome {
        Ok(outcome) => {
            revision.give_back(instance);
            Ok(outcome)
        }
        Err(error) => Err(classify(&error, instance.store.data())),
    }
}

async fn drive(
    instance: &mut Instance,
    index: ComponentExportIndex,
    arguments: &[Val],
    reply: &mut Option<Reply>,
    returned: oneshot::Sender<()>,
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
            send(reply, Ok(results));
            // The deadline's keeper may be gone already.
            let _ = returned.send(());
            let afterwork = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
            timeout(AFTERWORK_MAX, afterwork)
                .await
                .map_err(|_| wasmtime::format_err!("it went on too long after it returned"))?;
            Ok(outcome)
        })
        .await?
}

fn send(reply: &mut Option<Reply>, answer: Result<Vec<Val>, CallError>) {
    if let Some(reply) = reply.take() {
        // A caller that has gone does not need the answer any more.
        let _ = reply.send(answer);
    }
}
