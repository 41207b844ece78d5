//! The data of an instance: that of its wasmtime store.

use super::budget::InstanceBudget;
use super::cgi;
use super::context::{ComponentContext, Role};
use super::guest_state::GuestState;
use super::held::{self, Held, InFlight};
use super::memory::MemoryLimit;
use crate::calls::{Admitted, CallChain};
use crate::engine::scheduling::CpuLimit;
use crate::telemetry::otlp::Encoded;
use crate::telemetry::{GuestOutput, OutputSink, Span, SpanKind, TraceContext};
use bytes::Bytes;
use std::net::IpAddr;
use std::sync::Arc;
use tessera_resilience::Deadline;
use tokio::runtime::Handle;
use wasmtime::{StoreContextMut, UpdateDeadline};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView as _};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The maximum number of random bytes per call. A guest may call again.
const RANDOM_MAX_BYTES: u64 = 256 << 10;

/// The state of one instance, with that of the host's capabilities in `guest`. Its call changes;
/// everything else stays.
pub(crate) struct State<G> {
    pub(crate) component: Arc<ComponentContext>,
    pub(crate) call: CurrentCall,
    pub(crate) guest: G,
    pub(crate) memory: MemoryLimit,
    pub(crate) cpu: CpuLimit,
    pub(crate) table: ResourceTable,
    pub(crate) in_flight: InFlight,
    held: Held,
    /// Whether it has lost its handles, so that it can't serve another call.
    pub(super) is_spent: bool,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    output: Output,
}

/// The call that an instance serves now.
#[derive(Debug, Clone)]
pub(crate) struct CurrentCall {
    /// The span of the call: parent of all that the guest causes.
    pub(crate) trace: TraceContext,
    /// When its caller stops waiting.
    pub(crate) deadline: Deadline,
    /// The components that wait for it.
    pub(crate) chain: CallChain,
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
        Self { trace, deadline, chain: CallChain::default(), client: None, runtime }
    }
}

impl<G: GuestState> State<G> {
    pub(crate) fn new(
        component: &Arc<ComponentContext>,
        grants: &Arc<G::Grants>,
        budget: &Arc<InstanceBudget>,
    ) -> wasmtime::Result<Self> {
        let (limits, usage) = (&component.limits, &component.usage);
        let output = Output::new(component);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(held::FIELDS_MAX_BYTES);
        let call = CurrentCall::none(Deadline::after(limits.deadline));
        let in_flight = InFlight::default();
        let guest = G::new(component, grants, &call, &in_flight);
        let wasi = wasi(component, &output, &guest)?.build();
        Ok(Self {
            memory: MemoryLimit::new(limits.memory_max_bytes, budget.clone(), usage.memory.clone()),
            cpu: CpuLimit::new(limits.cpu_time_max, usage.cpu.clone()),
            table: held::table(),
            guest,
            in_flight,
            held: Held::default(),
            is_spent: false,
            wasi,
            http,
            component: component.clone(),
            call,
            output,
        })
    }

    /// From now on this instance serves another call.
    pub(crate) fn begin(&mut self, admitted: &Admitted) {
        let trace = admitted.span.context.clone();
        self.output.begin(&trace);
        self.cpu.restart();
        self.memory.exceeded = None;
        self.call = CurrentCall {
            trace,
            deadline: admitted.deadline,
            chain: admitted.chain.clone(),
            client: admitted.client,
            runtime: Handle::current(),
        };
        self.guest.begin();
        self.guest.set_call(&self.call);
    }

    /// The head of the response is complete: what the guest causes now has the time of a stream.
    pub(crate) fn stream(&mut self) {
        self.call.deadline = Deadline::after(self.component.limits.stream_deadline);
        self.guest.set_call(&self.call);
    }

    /// A guest of WASI 0.2 has returned, and can't write any more. The bodies that it has left open
    /// end here, as they do on stock Spin: otherwise, their readers would wait for the rest.
    pub(crate) fn end_open_bodies(&mut self) {
        if self.table.iter_mut().any(|held| held.is::<HostOutgoingBody>()) {
            // A body ends when all that is held of it is dropped, also its stream.
            self.table = held::table();
            self.is_spent = true;
        }
    }

    /// The guest runs as a script with these environment variables, arguments and standard input.
    /// Returns its standard output.
    pub(crate) fn become_script(
        &mut self,
        variables: &[(String, String)],
        arguments: &[String],
        input: Bytes,
    ) -> wasmtime::Result<MemoryOutputPipe> {
        let output = MemoryOutputPipe::new(cgi::OUTPUT_MAX_BYTES);
        let mut wasi = wasi(&self.component, &self.output, &self.guest)?;
        wasi.envs(variables).args(arguments);
        wasi.stdin(MemoryInputPipe::new(input)).stdout(output.clone());
        self.wasi = wasi.build();
        Ok(output)
    }

    /// Prints a log record of the guest, as if it had printed a line to its standard error.
    pub(crate) fn print_record(&self, line: &str, record: impl FnOnce() -> Encoded) {
        self.output.stderr.push_record(line, record);
    }

    /// The call is over.
    pub(crate) fn end(&self) {
        self.output.end();
        self.cpu.settle();
    }

    /// A span within the current call.
    pub(crate) fn span(&self, kind: SpanKind, operation: &'static str) -> Span {
        let component = &self.component;
        component.telemetry.span(kind, &component.id, operation, &self.call.trace)
    }

    pub(crate) fn sockets_view(state: &mut Self) -> WasiSocketsCtxView<'_> {
        state.sockets()
    }

    pub(crate) fn http_view(state: &mut Self) -> WasiHttpCtxView<'_> {
        state.http()
    }
}

/// What every instance of a component has of WASI.
fn wasi<G: GuestState>(
    component: &ComponentContext,
    output: &Output,
    guest: &G,
) -> wasmtime::Result<WasiCtxBuilder> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.envs(&component.environment);
    wasi.stdout(output.stdout.clone()).stderr(output.stderr.clone());
    wasi.max_random_size(RANDOM_MAX_BYTES);
    for mount in &component.files {
        let permissions = if mount.writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        wasi.preopened_dir(&mount.folder, &mount.path, permissions)?;
    }
    if let Role::Program { arguments } = &component.role {
        wasi.args(arguments).inherit_stdout().inherit_stderr();
    }
    guest.configure(&mut wasi);
    Ok(wasi)
}

/// The epoch callback of every store, called when the epoch changes while the guest is running.
pub(crate) fn on_tick<G: GuestState>(
    mut store: StoreContextMut<'_, State<G>>,
) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    let held = state.held.bytes(&mut state.table);
    state.memory.hold(held + state.in_flight.bytes())?;
    state.cpu.tick()
}

impl<G: GuestState> WasiView for State<G> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl<G: GuestState> WasiHttpView for State<G> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: self.guest.http_hooks(),
        }
    }
}

/// What the guest prints.
struct Output {
    component: Arc<ComponentContext>,
    stdout: GuestOutput,
    stderr: GuestOutput,
}

impl Output {
    fn new(component: &Arc<ComponentContext>) -> Self {
        let sinks = &component.output;
        let limit_bytes = component.limits.log_max_bytes;
        let output = |stream, sink: &OutputSink| {
            let telemetry = &component.telemetry;
            GuestOutput::new(&component.id, stream, limit_bytes, sink.clone(), telemetry)
        };
        Self {
            component: component.clone(),
            stdout: output("stdout", &sinks.stdout),
            stderr: output("stderr", &sinks.stderr),
        }
    }

    fn begin(&self, trace: &TraceContext) {
        self.stdout.begin(trace);
        self.stderr.begin(trace);
    }

    fn end(&self) {
        let metrics = &self.component.telemetry.metrics;
        self.stdout.end(metrics);
        self.stderr.end(metrics);
    }
}

/// A call that was cut short ends here.
impl Drop for Output {
    fn drop(&mut self) {
        self.end();
    }
}
