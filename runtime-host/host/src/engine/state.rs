//! What belongs to one instance: the data of its wasmtime store.

use super::context::ComponentContext;
use super::limits::{CpuLimit, MemoryLimit};
use crate::calls::{Admitted, Callers};
use crate::capabilities::key_value::OpenHandles;
use crate::capabilities::outbound_http::Hooks;
use crate::telemetry::{GuestOutput, Span, SpanKind, TraceContext};
use std::sync::Arc;
use tessera_resilience::Deadline;
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// One instance's state. Its call changes; everything else stays.
pub(crate) struct State {
    pub(crate) component: Arc<ComponentContext>,
    pub(crate) call: CurrentCall,
    pub(crate) memory: MemoryLimit,
    pub(crate) cpu: CpuLimit,
    pub(crate) table: ResourceTable,
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
    pub(crate) callers: Callers,
}

impl CurrentCall {
    /// What stands there before the first call.
    pub(crate) fn none(deadline: Deadline) -> Self {
        Self { trace: TraceContext::root(), deadline, callers: Callers::default() }
    }
}

impl State {
    pub(crate) fn new(component: &Arc<ComponentContext>) -> wasmtime::Result<Self> {
        let limits = &component.limits;
        let stdout = GuestOutput::new(&component.id, "stdout", limits.log_max_bytes);
        let stderr = GuestOutput::new(&component.id, "stderr", limits.log_max_bytes);
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&component.environment).stdout(stdout.clone()).stderr(stderr.clone());
        if let Some(folder) = &component.files {
            wasi.preopened_dir(folder, "/", FsPerms::ReadOnly)?;
        }
        let call = CurrentCall::none(Deadline::after(limits.deadline));
        Ok(Self {
            memory: MemoryLimit::new(limits.memory_max_bytes),
            cpu: CpuLimit::new(limits.cpu_time_max),
            table: ResourceTable::new(),
            open_handles: OpenHandles::default(),
            outbound: Hooks::new(component.clone(), call.clone()),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
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
        let callers = admitted.callers.clone();
        self.call = CurrentCall { trace, deadline: admitted.deadline, callers };
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
