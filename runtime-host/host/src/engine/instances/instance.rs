//! One running instance, and the count of them.

use super::cgi::Script;
use super::context::ComponentContext;
use super::guest_state::GuestState;
use super::spin_v1;
use super::state::State;
use crate::telemetry::ComponentLabels;
use prometheus_client::metrics::gauge::Gauge;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime_wasi_http::handler::Proxy;

/// An instance has grown if its memory has increased by this much: more than a simple request
/// needs.
const GROWN_MIN_BYTES: usize = 8 << 20;

/// How an instance serves HTTP.
pub(crate) enum HttpHandler {
    Wasi(Proxy),
    SpinV1(spin_v1::Handler),
    Script(Script),
}

/// An instance with its store. Serves one call at a time; dropping it stops the guest.
pub(crate) struct Instance<G: GuestState> {
    pub(crate) store: Store<State<G>>,
    pub(crate) guest: wasmtime::component::Instance,
    /// Its HTTP handler, if it has one.
    pub(crate) handler: Option<HttpHandler>,
    /// Calls that it has begun.
    pub(super) served: u64,
    /// The size of its linear memories and tables at its creation.
    pub(super) initial_bytes: usize,
    /// When it became idle, if it has grown.
    pub(super) grown_since: Option<Instant>,
    /// The number of calls after which it is replaced.
    pub(super) calls_max: u64,
    /// When it has been idle for too long.
    pub(super) idle_until: Option<Instant>,
    pub(super) _counted: Counted,
    pub(super) permit: OwnedSemaphorePermit,
}

impl<G: GuestState> Instance<G> {
    /// Whether it has much more memory than a new instance.
    pub(super) fn has_grown(&self) -> bool {
        self.guest_bytes() > self.initial_bytes + GROWN_MIN_BYTES
    }

    /// The size of its linear memories and tables.
    pub(super) fn guest_bytes(&self) -> usize {
        self.store.data().memory.guest_bytes()
    }

    /// Ends it, and keeps its permit.
    pub(super) fn into_permit(self) -> OwnedSemaphorePermit {
        self.permit
    }
}

/// Counts for as long as it lives.
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn new(component: &ComponentContext) -> Self {
        let labels = ComponentLabels { component: component.id.to_string() };
        let metrics = &component.telemetry.metrics;
        metrics.instantiations.get_or_create(&labels).inc();
        let gauge = metrics.instances.get_or_create_owned(&labels);
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
