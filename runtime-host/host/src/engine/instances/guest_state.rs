//! What the host's capabilities keep for an instance. The engine knows none of them.

use super::context::ComponentContext;
use super::held::InFlight;
use super::state::CurrentCall;
use std::sync::Arc;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::WasiHttpHooks;

/// The state of capabilities in one instance.
pub(crate) trait GuestState: Send + 'static {
    /// What the component may use, shared by all its instances.
    type Grants: Send + Sync + 'static;

    /// The state of a new instance. The arguments of pending calls of the host are counted in
    /// `in_flight`.
    fn new(
        component: &Arc<ComponentContext>,
        grants: &Arc<Self::Grants>,
        call: &CurrentCall,
        in_flight: &InFlight,
    ) -> Self;

    /// Says which addresses the sockets of the guest may use, and what its clock shows.
    fn configure(&self, wasi: &mut WasiCtxBuilder);

    /// The instance serves another call from now on.
    fn begin(&mut self);

    /// The instance serves another call, or its call has another deadline.
    fn set_call(&mut self, call: &CurrentCall);

    /// Whether the guest gets the field `host` of the requests that arrive now.
    fn show_host(&mut self, shown: bool);

    /// Sends the requests of the guest.
    fn http_hooks(&mut self) -> &mut dyn WasiHttpHooks;
}
