//! A function of a link: one call of its importer becomes one call of the callee.

use super::kept;
use crate::calls::{Attempt, Call, CallError, Edge, Kind, Repeat};
use crate::engine::{
    Arguments, FunctionCall, FunctionName, Functions, GuestState, State, values_bytes,
};
use crate::fault_points;
use crate::registry::Registry;
use crate::telemetry::SpanKind;
use std::sync::Arc;
use tessera_manifest::ComponentId;
use tessera_resilience::Priority;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{LinkerInstance, Val};

/// Created when the importer is linked, used by every call.
pub(super) struct LinkedFunction {
    registry: Arc<Registry<Functions>>,
    callee: ComponentId,
    operation: Arc<str>,
    name: FunctionName,
    /// Whether the contract has a case for a callee that can't respond.
    maps_to_unavailable: bool,
    policy: LinkPolicy,
}

/// What the manifest says about calls of a function.
#[derive(Clone, Default)]
pub(crate) struct LinkPolicy {
    /// The policy of the caller.
    pub(crate) edge: Option<Arc<Edge>>,
    /// Whether the callee may be called again.
    pub(crate) is_idempotent: bool,
}

/// A call in progress.
struct PendingCall {
    call: Call,
    /// The runtime on which it runs.
    runtime: Handle,
    /// How urgently it waits for an equal call; `None` if it must not wait for one.
    waits: Option<Priority>,
    _arguments: Arguments,
}

impl LinkedFunction {
    pub(super) fn new(
        registry: Arc<Registry<Functions>>,
        callee: ComponentId,
        name: FunctionName,
        function: &ComponentFunc,
        policy: LinkPolicy,
    ) -> Self {
        let maps_to_unavailable = maps_to_unavailable(function);
        let operation = name.short().into();
        Self { registry, callee, operation, name, maps_to_unavailable, policy }
    }

    /// Defines the function in the importer's linker.
    pub(super) fn define<G: GuestState>(
        self,
        instance: &mut LinkerInstance<'_, State<G>>,
        is_async: bool,
    ) -> wasmtime::Result<()> {
        let link = Arc::new(self);
        let name = link.name.function().to_owned();
        if is_async {
            return instance.func_new_concurrent(&name, move |accessor, _, arguments, results| {
                let link = link.clone();
                let pending = accessor.with(|mut access| link.begin(access.get(), arguments));
                Box::pin(async move { link.finish(pending, arguments, results).await })
            });
        }
        instance.func_new_async(&name, move |store, _, arguments, results| {
            let link = link.clone();
            let pending = link.begin(store.data(), arguments);
            Box::new(async move { link.finish(pending, arguments, results).await })
        })
    }

    fn begin<G>(&self, caller: &State<G>, arguments: &[Val]) -> PendingCall {
        let call = Call {
            kind: SpanKind::Link,
            operation: self.operation.clone(),
            trace: caller.call.trace.clone(),
            deadline: Some(caller.call.deadline),
            chain: caller.call.chain.and(&caller.component.id, caller.component.cycle),
            client: caller.call.client,
            details: None,
            span_id: None,
        };
        // Within a cycle, an equal call may wait for a permit that a caller of this one holds.
        let is_deep = |cycle| call.chain.of_cycle(cycle) > 1;
        let is_deep = caller.component.cycle.is_some_and(is_deep);
        let waits = (!is_deep).then(|| call.chain.priority());
        // They exist twice, because the callee gets a copy.
        let arguments = caller.in_flight.count(2 * values_bytes(arguments));
        PendingCall { call, runtime: caller.call.runtime.clone(), waits, _arguments: arguments }
    }

    async fn finish(
        &self,
        pending: PendingCall,
        arguments: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let PendingCall { call, runtime, waits, _arguments } = pending;
        let outcome = match &self.policy.edge {
            None => self.call(call, &runtime, arguments).await,
            Some(edge) => {
                let made = || self.call_by_policy(edge, &call, &runtime, arguments);
                match edge.answers_of(&self.operation) {
                    Some(answers) => {
                        let name = &self.name;
                        Box::pin(kept::answer(answers, &call, waits, name, arguments, made())).await
                    }
                    None => made().await,
                }
            }
        };
        match outcome {
            Ok(values) => {
                for (result, value) in results.iter_mut().zip(values) {
                    *result = value;
                }
                Ok(())
            }
            Err(error) => self.fail(&error, results),
        }
    }

    async fn call_by_policy(
        &self,
        edge: &Edge,
        call: &Call,
        runtime: &Handle,
        arguments: &[Val],
    ) -> Result<Vec<Val>, CallError> {
        let attempt = |attempt: Attempt| {
            let call = Call { deadline: Some(attempt.deadline), ..call.clone() };
            self.call(call, runtime, arguments)
        };
        let may_repeat = |repeat| repeat == Repeat::Always || self.policy.is_idempotent;
        edge.call(call, may_repeat, self.policy.is_idempotent, attempt).await
    }

    async fn call(
        &self,
        call: Call,
        runtime: &Handle,
        arguments: &[Val],
    ) -> Result<Vec<Val>, CallError> {
        let entry = self.registry.resolve(&self.callee)?;
        let point = || format!("link/{}/{}", self.callee, self.operation);
        let function = self.name.clone();
        let request = FunctionCall { function, arguments: arguments.to_vec() };
        let work = async move { entry.call(call, request).await };
        // When the caller is dropped, so is the callee.
        let task = AbortOnDropHandle::new(runtime.spawn(work));
        let response = fault_points::around(point, task).await;
        response.unwrap_or_else(|_| Err(CallError::new(Kind::NoAnswer, "the callee ended")))
    }

    /// A callee without a response is the contract's case `unavailable`, if it has one. Otherwise
    /// the importer traps.
    fn fail(&self, error: &CallError, results: &mut [Val]) -> wasmtime::Result<()> {
        match results {
            [result] if self.maps_to_unavailable => {
                let detail = Val::String(format!("{}: {}", self.callee, error.public_detail()));
                let case = Val::Variant("unavailable".to_owned(), Some(Box::new(detail)));
                *result = Val::Result(Err(Some(Box::new(case))));
                Ok(())
            }
            _ => Err(wasmtime::format_err!("{} failed: {error}", self.name)),
        }
    }
}

/// Whether a function returns `result<_, E>` with a case `unavailable(string)` in `E`.
fn maps_to_unavailable(function: &ComponentFunc) -> bool {
    let mut results = function.results();
    let Some(Type::Result(result)) = results.next() else { return false };
    let Some(Type::Variant(error)) = result.err() else { return false };
    let mut cases = error.cases();
    cases.any(|case| case.name == "unavailable" && matches!(case.ty, Some(Type::String)))
}
