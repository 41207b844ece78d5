//! Calling an exported function of a component: the callee's side of a live link.

use super::FunctionCall;
use super::invocation::{self, AFTERWORK_MAX, Invocation, afterwork};
use crate::calls::{Admitted, CallError, Reply};
use crate::engine::instances::{GuestState, Instance, Revision};
use crate::telemetry::Outcome;
use std::sync::Arc;
use wasmtime::component::{ComponentExportIndex, Val};
use wasmtime_wasi::I32Exit;

/// Serves a call. Ends when the guest has nothing left to do.
pub(super) async fn serve<G: GuestState>(
    revision: Arc<Revision<G>>,
    admitted: Admitted,
    call: FunctionCall,
    reply: Reply<Vec<Val>>,
) {
    let result = run(&revision, &admitted, call, &reply).await;
    invocation::end(&revision.component.id, admitted, result, |error| reply.send(Err(error)));
}

async fn run<G: GuestState>(
    revision: &Revision<G>,
    admitted: &Admitted,
    call: FunctionCall,
    reply: &Reply<Vec<Val>>,
) -> Result<Outcome, CallError> {
    let index = revision.function(&call.function)?;
    let mut instance = revision.take(admitted).await?;
    let invocation = Invocation::new(&instance, admitted, AFTERWORK_MAX);
    let work = async {
        match drive(&mut instance, index, &call.arguments, reply).await {
            Err(error) if call.function.is_command() => exited(error, reply),
            ended => ended,
        }
    };
    let ended = invocation.run(work, || reply.sent()).await;
    invocation::release(revision, instance, ended)
}

/// A program that exits does not return: the result of its call is its exit code.
fn exited(error: wasmtime::Error, reply: &Reply<Vec<Val>>) -> wasmtime::Result<Outcome> {
    let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() else { return Err(error) };
    // Systems only keep the last byte. None of the others may look like success.
    let code = u8::try_from(*code).unwrap_or(u8::MAX);
    reply.send(Ok(vec![Val::U8(code)]));
    Ok(if code == 0 { Outcome::Ok } else { Outcome::Refused })
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
            afterwork(accessor).await?;
            Ok(outcome)
        })
        .await?
}
