//! What belongs to one instance: the data of its wasmtime store.

use super::budget::InstanceBudget;
use super::context::ComponentContext;
use super::held::{self, InFlight};
use super::memory::MemoryLimit;
use crate::calls::{Admitted, CallChain};
use crate::capabilities::key_value::OpenHandles;
use crate::capabilities::outbound_http::Hooks;
use crate::engine::scheduling::CpuLimit;
use crate::telemetry::{GuestOutput, Span, SpanKind, TraceContext};
use std::net::IpAddr;
use std::sync::Arc;
use tessera_resilience::Deadline;
use tokio::runtime::Handle;
use wasmtime::{StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The maximum number of random bytes per call. A guest may call again.
const RANDOM_MAX_BYTES: u64 = 256 << 10;

/// One instance's state. Its call changes; everything else stays.
pub(crate) struct State {
    pub(crate) component: Arc<ComponentContext>,
    pub(crate) call: CurrentCall,
    pub(crate) memory: MemoryLimit,
    pub(crate) cpu: CpuLimit,
    pub(crate) table: ResourceTable,
    pub(crate) in_flight: InFlight,
    pub(crate) open_handles: OpenHandles,
    outbound: Hooks,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    stdout: GuestOutput,
    stderr: GuestOutput,
}

/// The call that an instance serves now.
#[derive(Debug, Clone)]
pub(crate) struct CurrentCall {
    /// The span of the call: parent of all that the guest causes.
    pub(crate) trace: TraceContext,
    /// When its caller stops waiting.
    pub(crate) deadline: Deadline,
    /// Who waits for it besides.
    pub(crate) callers: CallChain,
    /// The client address of the original request, if it is known.
    pub(crate) client: Option<IpAddr>,
    /// The runtime on which it began. Its callees begin there, too, even if it has moved to the
    /// background.
    pub(crate) runtime: Handle,
}

impl CurrentCall {
    /// The initial value before the first call. Requires a runtime.
    pub(crate) fn none(deadline: Deadline) -> Self {
        let (trace, runtime) = (TraceContext::root(), Handle::current());
        Self { trace, deadline, callers: CallChain::default(), client: None, runtime }
    }
}

impl State {
    pub(crate) fn new(
        component: &Arc<ComponentContext>,
        budget: &Arc<InstanceBudget>,
    ) -> wasmtime::Result<Self> {
        let limits = &component.limits;
        let stdout = GuestOutput::new(&component.id, "stdout", limits.log_max_bytes);
        let stderr = GuestOutput::new(&component.id, "stderr", limits.log_max_bytes);
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&component.environment).stdout(stdout.clone()).stderr(stderr.clone());
        wasi.max_random_size(RANDOM_MAX_BYTES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(held::FIELDS_MAX_BYTES);
        if let Some(folder) = &component.files {
            wasi.preopened_dir(folder, "/", FsPerms::ReadOnly)?;
        }
        let call = CurrentCall::none(Deadline::after(limits.deadline));
        let in_flight = InFlight::default();
        Ok(Self {
            memory: MemoryLimit::new(limits.memory_max_bytes, budget.clone()),
            cpu: CpuLimit::new(limits.cpu_time_max),
            table: held::table(),
            open_handles: OpenHandles::default(),
            outbound: Hooks::new(component.clone(), call.clone(), in_flight.clone()),
            in_flight,
            wasi: wasi.build(),
            http,
            component: component.clone(),
            call,
            stdout,
            stderr,
        })
    }

    /// From here on this instance works for another call.
    pub(crate) fn begin(&mut self, admitted: &Admitted) {
        let trace = admitted.span.context.clone();
        self.stdout.begin(&trace);
        self.stderr.begin(&trace);
        self.cpu.restart();
        self.memory.refused = None;
        self.call = CurrentCall {
            trace,
            deadline: admitted.deadline,
            callers: admitted.callers.clone(),
            client: admitted.client,
            runtime: Handle::current(),
        };
        self.outbound.begin(self.call.clone());
    }

    /// The head of the answer is made: what the guest causes now has the time of a stream.
    pub(crate) fn stream(&mut self) {
        self.call.deadline = Deadline::after(self.component.limits.stream_deadline);
        self.outbound.begin(self.call.clone());
    }

    /// The call is over.
    pub(crate) fn end(&self) {
        self.stdout.end(&self.component.telemetry.metrics);
        self.stderr.end(&self.component.telemetry.metrics);
    }

    /// A span within the current call.
    pub(crate) fn span(&self, kind: SpanKind, operation: &'static str) -> Span {
        let component = &self.component;
        component.telemetry.span(kind, &component.id, operation, &self.call.trace)
    }

    pub(crate) fn http_view(state: &mut Self) -> WasiHttpCtxView<'_> {
        state.http()
    }
}

/// The epoch callback of every store, called when the epoch changes while the guest is running.
pub(crate) fn on_tick(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    state.memory.hold(held::bytes(&mut state.table) + state.in_flight.bytes())?;
    state.cpu.tick()
}

/// A call that was cut short ends here.
impl Drop for State {
    fn drop(&mut self) {
        self.end();
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
