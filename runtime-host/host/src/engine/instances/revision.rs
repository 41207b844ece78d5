//! One version of one component, ready to make instances, with its warm ones.

use super::budget::IdleInstances as _;
use super::cgi::{self, Script};
use super::context::{ComponentContext, Role};
use super::failure::instantiation;
use super::function_name::FunctionName;
use super::guest_state::GuestState;
use super::held;
use super::idle::Idle;
use super::instance::{Counted, HttpHandler, Instance};
use super::redis::RedisExport;
use super::spin_v1;
use super::state::{State, on_tick};
use crate::background::Background;
use crate::calls::{Admitted, CallError, Kind};
use crate::engine::Engine;
use crate::telemetry::random;
use anyhow::Context as _;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tessera_resilience::Choice;
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{self, Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime_wasi_http::handler::Proxy;
use wasmtime_wasi_http::{p2, p3};

/// A component that is compiled and linked.
pub(crate) struct Revision<G: GuestState> {
    pub(crate) component: Arc<ComponentContext>,
    grants: Arc<G::Grants>,
    engine: Engine,
    linked: InstancePre<State<G>>,
    http: Option<HttpExport>,
    redis: Option<RedisExport>,
    functions: HashMap<FunctionName, ComponentExportIndex>,
    idle: Arc<Idle<G>>,
    /// The largest memory of an instance after a call.
    memory_bytes: AtomicU64,
    /// Calls after which an instance is replaced.
    calls_max: Choice,
    pub(crate) background: Background,
}

/// Calls that an instance of WASI 0.3 serves, one after the other.
const REUSE_MAX: u64 = 1_000;
/// Languages of WASI 0.2 may expect a new instance for each request, as in stock Spin: they keep
/// state of the request in globals, or never free memory.
const REUSE_MAX_0_2: u64 = 1;

/// Which HTTP handler a component exports.
enum HttpExport {
    P2(p2::bindings::ProxyIndices),
    P3(p3::bindings::ServiceIndices),
    SpinV1(ComponentExportIndex),
    Script(ComponentExportIndex, Arc<str>),
}

impl<G: GuestState> Revision<G> {
    pub(crate) fn new(
        engine: &Engine,
        linker: &Linker<State<G>>,
        code: &Component,
        component: Arc<ComponentContext>,
        grants: Arc<G::Grants>,
    ) -> anyhow::Result<Self> {
        let linked = linker.instantiate_pre(code).map_err(anyhow::Error::from)?;
        let background = engine.background.of(&component.id, &engine.telemetry);
        Ok(Self {
            background: background.context("the engine has been stopped")?,
            http: http_export(&linked, &component.role)?,
            redis: RedisExport::of(engine, code),
            calls_max: calls_max(engine, code, &component),
            functions: exported_functions(engine, code),
            component,
            grants,
            engine: engine.clone(),
            linked,
            memory_bytes: AtomicU64::new(0),
            idle: engine.budget.idle(engine.reuse.idle_max_ns),
        })
    }

    /// What its component may use.
    pub(crate) fn grants(&self) -> &Arc<G::Grants> {
        &self.grants
    }

    /// Its code.
    pub(crate) fn code(&self) -> &Component {
        self.linked.component()
    }

    /// The largest memory of an instance after a call, in bytes, since this was last asked.
    pub(crate) fn take_memory_bytes(&self) -> u64 {
        self.memory_bytes.swap(0, Ordering::Relaxed)
    }

    /// Whether it serves HTTP.
    pub(crate) fn serves_http(&self) -> bool {
        self.http.is_some()
    }

    /// How it handles messages of Redis, if it does.
    pub(crate) fn redis(&self) -> Option<&RedisExport> {
        self.redis.as_ref()
    }

    /// Whether it exports this function.
    pub(crate) fn exports(&self, name: &FunctionName) -> bool {
        self.functions.contains_key(name)
    }

    /// The function that runs it as a program, if it is one.
    pub(crate) fn command(&self) -> Option<FunctionName> {
        self.functions.keys().find(|name| name.is_command()).cloned()
    }

    pub(crate) fn function(&self, name: &FunctionName) -> Result<ComponentExportIndex, CallError> {
        self.functions.get(name).copied().ok_or_else(|| {
            let detail = format!("{} does not export {name}", self.component.id);
            CallError::new(Kind::NotFound, detail)
        })
    }

    /// The number of warm instances.
    pub(super) fn idle_instances(&self) -> usize {
        self.idle.count()
    }

    /// An instance for this call: a warm one if there is one.
    pub(crate) async fn take(&self, admitted: &Admitted) -> Result<Instance<G>, CallError> {
        let mut instance = match self.idle.take() {
            Some(instance) => instance,
            None => self.instantiate(admitted).await?,
        };
        instance.served += 1;
        instance.store.data_mut().begin(admitted);
        Ok(instance)
    }

    /// Keeps an instance whose call ended well.
    pub(crate) fn give_back(&self, instance: Instance<G>) {
        let bytes = instance.guest_bytes() as u64;
        if bytes > self.memory_bytes.load(Ordering::Relaxed) {
            self.memory_bytes.fetch_max(bytes, Ordering::Relaxed);
        }
        instance.store.data().end();
        if instance.served < instance.calls_max && !instance.store.data().is_spent {
            self.idle.keep(instance);
        }
    }

    async fn instantiate(&self, admitted: &Admitted) -> Result<Instance<G>, CallError> {
        let Some(permit) = self.engine.budget.permit(admitted.deadline).await else {
            let detail = "the host has no room for another instance: see --instances-max";
            return Err(CallError::new(Kind::Host, detail));
        };
        let mut store = self.store().map_err(|error| {
            let component = &self.component.id;
            CallError::new(
                Kind::Host,
                format!("the state for {component} could not be created: {error:#}"),
            )
        })?;
        // A guest may compute during its instantiation.
        let made = admitted.deadline.limit(self.instantiate_in(&mut store)).await;
        let (guest, handler) = match made {
            Ok(Ok(instantiated)) => instantiated,
            Ok(Err(error)) => return Err(instantiation(&error, store.data_mut())),
            Err(_) => {
                let detail = format!("{} was not instantiated in time", self.component.id);
                return Err(CallError::new(Kind::DeadlineExceeded, detail));
            }
        };
        let _counted = Counted::new(&self.component);
        let initial_bytes = store.data().memory.guest_bytes();
        let (served, grown_since, idle_until) = Default::default();
        let calls_max = self.calls_max.choose(random());
        Ok(Instance {
            store,
            guest,
            handler,
            served,
            initial_bytes,
            grown_since,
            calls_max,
            idle_until,
            _counted,
            permit,
        })
    }

    async fn instantiate_in(
        &self,
        store: &mut Store<State<G>>,
    ) -> wasmtime::Result<(component::Instance, Option<HttpHandler>)> {
        let clock = store.data().cpu.clock.clone();
        let guest = clock.measure(self.linked.instantiate_async(&mut *store)).await?;
        let handler = match &self.http {
            None => None,
            Some(HttpExport::P2(indices)) => {
                Some(HttpHandler::Wasi(Proxy::P2(indices.load(&mut *store, &guest)?)))
            }
            Some(HttpExport::P3(indices)) => {
                Some(HttpHandler::Wasi(Proxy::P3(indices.load(&mut *store, &guest)?)))
            }
            Some(HttpExport::SpinV1(index)) => {
                Some(HttpHandler::SpinV1(guest.get_typed_func(&mut *store, index)?))
            }
            Some(HttpExport::Script(index, arguments)) => {
                let run = guest.get_typed_func(&mut *store, index)?;
                Some(HttpHandler::Script(Script { run, arguments: arguments.clone() }))
            }
        };
        Ok((guest, handler))
    }

    fn store(&self) -> wasmtime::Result<Store<State<G>>> {
        let state = State::new(&self.component, &self.grants, &self.engine.budget)?;
        let mut store = Store::new(&self.engine.wasm, state);
        held::limit(&mut store);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(on_tick::<G>);
        store.set_epoch_deadline(1);
        Ok(store)
    }
}

/// The manifest's limit, else the operator's, else the default of its WASI version. The operator
/// may lower the first and the last.
fn calls_max(engine: &Engine, code: &Component, component: &ComponentContext) -> Choice {
    let ty = code.component_type();
    let is_0_3 = |name: &str| name.starts_with("wasi:") && name.contains("@0.3.");
    let uses_0_3 = ty.imports(&engine.wasm).any(|(name, _)| is_0_3(name))
        || ty.exports(&engine.wasm).any(|(name, _)| is_0_3(name));
    let default = if uses_0_3 { None } else { Some(REUSE_MAX_0_2) };
    let own = component.limits.instance_reuse_max.or(default);
    match (own, engine.reuse.calls_max) {
        (None, None) => Choice::one(REUSE_MAX),
        (None, Some(choice)) => choice,
        (Some(own), None) => Choice::one(own),
        (Some(own), Some(choice)) => choice.at_most(own),
    }
}

fn http_export<G: GuestState>(
    linked: &InstancePre<State<G>>,
    role: &Role,
) -> anyhow::Result<Option<HttpExport>> {
    if let Role::Script { arguments } = role {
        let run = cgi::find(linked);
        let run = run.context("its executor is `wagi`, but it exports no wasi:cli/run@0.2")?;
        return Ok(Some(HttpExport::Script(run, arguments.clone())));
    }
    let exports = linked.component().component_type();
    let engine = linked.engine();
    let exported = |prefix: &str| exports.exports(engine).any(|(name, _)| name.starts_with(prefix));
    if exported("wasi:http/handler@0.3") {
        let indices = p3::bindings::ServiceIndices::new(linked).map_err(anyhow::Error::from);
        return Ok(Some(HttpExport::P3(indices.context("its wasi:http/handler is not usable")?)));
    }
    if exported("wasi:http/incoming-handler@0.2") {
        let indices = p2::bindings::ProxyIndices::new(linked).map_err(anyhow::Error::from);
        let indices = indices.context("its wasi:http/incoming-handler is not usable")?;
        return Ok(Some(HttpExport::P2(indices)));
    }
    let handler = linked.component().get_export_index(None, spin_v1::INTERFACE);
    let handler = handler.and_then(|interface| {
        linked.component().get_export_index(Some(&interface), spin_v1::FUNCTION)
    });
    Ok(handler.map(HttpExport::SpinV1))
}

fn exported_functions(
    engine: &Engine,
    code: &Component,
) -> HashMap<FunctionName, ComponentExportIndex> {
    let mut functions = HashMap::new();
    for (interface, export) in code.component_type().exports(&engine.wasm) {
        if matches!(export.ty, ComponentItem::ComponentFunc(_))
            && let Some(index) = code.get_export_index(None, interface)
        {
            functions.insert(FunctionName::of_world(interface), index);
        }
        let ComponentItem::ComponentInstance(instance) = export.ty else { continue };
        let Some((_, parent)) = code.get_export(None, interface) else { continue };
        for (function, item) in instance.exports(&engine.wasm) {
            let is_function = matches!(item.ty, ComponentItem::ComponentFunc(_));
            let Some(index) = code.get_export_index(Some(&parent), function) else { continue };
            if is_function {
                functions.insert(FunctionName::new(interface, function), index);
            }
        }
    }
    functions
}
