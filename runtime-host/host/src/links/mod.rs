//! Live links: an import of one component answered by another one, in this process.
//!
//! The importer calls a typed function; the host looks the callee up in the registry, lets
//! it pass the callee's gate and runs it in an instance and a store of its own. Neither
//! side can tell it from static composition, but for what it makes possible: limits,
//! deadlines, spans and another revision behind the same import.

mod type_check;

use crate::calls::{Call, CallError, Kind};
use crate::capabilities::platform::{self, Platform};
use crate::engine::{Arguments, FunctionName, State, call_function, fits, values_bytes};
use crate::fault_points;
use crate::registry::Registry;
use crate::telemetry::SpanKind;
use anyhow::Context as _;
use std::sync::Arc;
use tessera_manifest::{App, Bridged, Component, ComponentId, Provider};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem, Type};
use wasmtime::component::{self, Linker, Val};

/// A linked dependency: its name in the manifest (an interface, or a package for all of its
/// imported interfaces), and its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// Another component.
    Component { dependency: String, callee: ComponentId },
    /// The host itself.
    Host { dependency: String },
}

impl Link {
    fn dependency(&self) -> &str {
        match self {
            Self::Component { dependency, .. } | Self::Host { dependency } => dependency,
        }
    }
}

/// The links of a component: its dependencies whose provider is a bridge.
pub(crate) fn of(app: &App, component: &Component) -> Vec<Link> {
    let bridged = |dependency: &tessera_manifest::Dependency| {
        let Provider::Component { id, .. } = &dependency.provider else { return None };
        let dependency = dependency.import.clone();
        match app.components.get(id)?.settings.bridges.as_ref()? {
            Bridged::Component(callee) => {
                Some(Link::Component { dependency, callee: callee.clone() })
            }
            Bridged::Host => Some(Link::Host { dependency }),
        }
    };
    component.dependencies.iter().filter_map(bridged).collect()
}

/// What links are made from.
pub(crate) struct LinkBuilder<'a> {
    pub(crate) engine: &'a wasmtime::Engine,
    pub(crate) registry: &'a Arc<Registry>,
    pub(crate) platform: &'a Arc<Platform>,
}

impl LinkBuilder<'_> {
    /// Define the imports of `importer` that one dependency covers in its linker.
    ///
    /// `callee` is the code behind the link, to compare both sides before anybody calls.
    pub(crate) fn define(
        &self,
        linker: &mut Linker<State>,
        link: &Link,
        importer: &component::Component,
        callee: Option<&component::Component>,
    ) -> anyhow::Result<()> {
        let dependency = link.dependency();
        let imports = self.imports_for(importer, dependency);
        anyhow::ensure!(
            !imports.is_empty(),
            "the dependency `{dependency}` matches none of its imports: remove it, or correct its \
             name"
        );
        imports.iter().try_for_each(|(import, wanted)| match link {
            Link::Host { .. } => platform::define(linker, import, self.platform),
            Link::Component { callee: id, .. } => {
                let offered = callee.and_then(|code| self.export(code, import));
                let offered = offered.with_context(|| {
                    format!("it needs `{import}` of `{id}`, which does not export it")
                })?;
                type_check::compare(self.engine, import, wanted, &offered).with_context(|| {
                    format!("`{id}` exports another `{import}` than it imports")
                })?;
                self.define_functions(linker, import, id, wanted)
            }
        })
    }

    fn define_functions(
        &self,
        linker: &mut Linker<State>,
        import: &str,
        callee: &ComponentId,
        interface: &ComponentInstance,
    ) -> anyhow::Result<()> {
        let mut instance = linker.instance(import).map_err(anyhow::Error::from)?;
        for (name, item) in interface.exports(self.engine) {
            let ComponentItem::ComponentFunc(function) = item.ty else { continue };
            let link = Arc::new(LinkedFunction {
                registry: self.registry.clone(),
                callee: callee.clone(),
                operation: FunctionName::new(import, name).short().into(),
                name: FunctionName::new(import, name),
                maps_to_unavailable: maps_to_unavailable(&function),
            });
            define_function(&mut instance, name, function.async_(), link)
                .map_err(anyhow::Error::from)?;
        }
        Ok(())
    }

    /// The imported interfaces that a dependency covers.
    fn imports_for(
        &self,
        code: &component::Component,
        dependency: &str,
    ) -> Vec<(String, ComponentInstance)> {
        let of_dependency =
            |(name, item): (&str, component::types::ComponentExtern<'_>)| match item.ty {
                ComponentItem::ComponentInstance(instance) if fits(dependency, name) => {
                    Some((name.to_owned(), instance))
                }
                _ => None,
            };
        code.component_type().imports(self.engine).filter_map(of_dependency).collect()
    }

    fn export(&self, code: &component::Component, name: &str) -> Option<ComponentInstance> {
        match code.component_type().get_export(self.engine, name)?.ty {
            ComponentItem::ComponentInstance(instance) => Some(instance),
            _ => None,
        }
    }
}

fn define_function(
    instance: &mut component::LinkerInstance<'_, State>,
    name: &str,
    is_async: bool,
    link: Arc<LinkedFunction>,
) -> wasmtime::Result<()> {
    if is_async {
        return instance.func_new_concurrent(name, move |accessor, _, arguments, results| {
            let link = link.clone();
            let pending = accessor.with(|mut access| link.begin(access.get(), arguments));
            Box::pin(async move { link.answer(pending, arguments, results).await })
        });
    }
    instance.func_new_async(name, move |store, _, arguments, results| {
        let link = link.clone();
        let pending = link.begin(store.data(), arguments);
        Box::new(async move { link.answer(pending, arguments, results).await })
    })
}

/// One function of one link. Made when the importer is linked, used at every call.
struct LinkedFunction {
    registry: Arc<Registry>,
    callee: ComponentId,
    operation: Arc<str>,
    name: FunctionName,
    /// The contract has a case for a callee that can't answer.
    maps_to_unavailable: bool,
}

/// A call in progress.
struct PendingCall {
    call: Call,
    /// The runtime on which it runs.
    runtime: Handle,
    _arguments: Arguments,
}

impl LinkedFunction {
    fn begin(&self, caller: &State, arguments: &[Val]) -> PendingCall {
        let call = Call {
            kind: SpanKind::Link,
            operation: self.operation.clone(),
            trace: caller.call.trace.clone(),
            deadline: Some(caller.call.deadline),
            callers: caller.call.callers.and(&caller.component.id, caller.component.cycle),
            client: caller.call.client,
        };
        // They exist twice, because the callee gets a copy.
        let arguments = caller.in_flight.count(2 * values_bytes(arguments));
        PendingCall { call, runtime: caller.call.runtime.clone(), _arguments: arguments }
    }

    async fn answer(
        &self,
        pending: PendingCall,
        arguments: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let PendingCall { call, runtime, _arguments } = pending;
        let outcome = match self.registry.resolve(&self.callee) {
            Ok(slot) => {
                let point = || format!("link/{}/{}", self.callee, self.operation);
                let work = call_function(slot, call, self.name.clone(), arguments.to_vec());
                // When the caller goes away, so does the callee.
                let task = AbortOnDropHandle::new(runtime.spawn(work));
                let answer = fault_points::around(point, task).await;
                answer.unwrap_or_else(|_| Err(CallError::new(Kind::NoAnswer, "the callee ended")))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(values) => {
                for (result, value) in results.iter_mut().zip(values) {
                    *result = value;
                }
                Ok(())
            }
            Err(error) => self.tell(&error, results),
        }
    }

    /// A callee that gave no answer is the contract's `unavailable`, where it has one.
    /// Where it has none, the importer can't go on.
    fn tell(&self, error: &CallError, results: &mut [Val]) -> wasmtime::Result<()> {
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
