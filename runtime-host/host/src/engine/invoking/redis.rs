//! Handling a message of Redis with a component.

use super::invocation::{self, AFTERWORK_MAX, Invocation, afterwork};
use crate::calls::{Admitted, CallError, Kind, Reply};
use crate::engine::instances::redis::{Handler, RedisExport, UnversionedHandler};
use crate::engine::instances::{GuestState, Instance, Revision};
use crate::telemetry::Outcome;
use bytes::Bytes;
use std::sync::Arc;

/// The response: the component's own error, if it returns one.
type Handled = Result<(), String>;

/// Serves a call. Ends when the guest has nothing left to do.
pub(super) async fn serve<G: GuestState>(
    revision: Arc<Revision<G>>,
    admitted: Admitted,
    payload: Bytes,
    reply: Reply<Handled>,
) {
    let result = run(&revision, &admitted, payload, &reply).await;
    invocation::end(&revision.component.id, admitted, result, |error| reply.send(Err(error)));
}

async fn run<G: GuestState>(
    revision: &Revision<G>,
    admitted: &Admitted,
    payload: Bytes,
    reply: &Reply<Handled>,
) -> Result<Outcome, CallError> {
    let export = *revision.redis().ok_or_else(|| {
        let detail = format!("{} does not handle messages of Redis", revision.component.id);
        CallError::new(Kind::NotFound, detail)
    })?;
    let mut instance = revision.take(admitted).await?;
    let invocation = Invocation::new(&instance, admitted, AFTERWORK_MAX);
    let work = drive(&mut instance, export, payload, reply);
    let ended = invocation.run(work, || reply.sent()).await;
    invocation::release(revision, instance, ended)
}

async fn drive<G: GuestState>(
    instance: &mut Instance<G>,
    export: RedisExport,
    payload: Bytes,
    reply: &Reply<Handled>,
) -> wasmtime::Result<Outcome> {
    let Instance { store, guest, .. } = instance;
    let handler = match export {
        RedisExport::Unversioned(index) => {
            Either::Unversioned(guest.get_typed_func(&mut *store, index)?)
        }
        RedisExport::Version3(index) => Either::Version3(guest.get_typed_func(&mut *store, index)?),
        RedisExport::Several => wasmtime::bail!("it exports several handlers of messages"),
    };
    store
        .run_concurrent(async |accessor| {
            let arguments = (payload.to_vec(),);
            let handled = match handler {
                Either::Unversioned(handler) => {
                    let (handled,) = handler.call_concurrent(accessor, arguments).await?;
                    handled.map_err(|error| error.to_string())
                }
                Either::Version3(handler) => {
                    let (handled,) = handler.call_concurrent(accessor, arguments).await?;
                    handled.map_err(|error| error.to_string())
                }
            };
            let outcome = if handled.is_ok() { Outcome::Ok } else { Outcome::Refused };
            reply.send(Ok(handled));
            afterwork(accessor).await?;
            Ok(outcome)
        })
        .await?
}

/// The handler of an instance.
enum Either {
    Unversioned(UnversionedHandler),
    Version3(Handler),
}
