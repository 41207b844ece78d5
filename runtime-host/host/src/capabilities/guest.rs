//! What capabilities keep: for a component, and for each of its instances.

use super::key_value::OpenHandles;
use super::outbound_http::{Hooks, Outbound};
use super::sqlite::Database;
use super::variables::Variables;
use crate::engine::{self, ComponentContext, CurrentCall, GuestState, InFlight};
use std::collections::BTreeMap;
use std::sync::Arc;
use tessera_storage::KeyValue;
use wasmtime_wasi_http::WasiHttpHooks;

/// The data of an instance's store.
pub(crate) type State = engine::State<Guest>;

/// What a component may use, as its manifest says.
pub(crate) struct Grants {
    /// The stores that it may open, by label.
    pub(crate) stores: BTreeMap<String, Arc<dyn KeyValue>>,
    /// The SQLite databases that it may open, by label.
    pub(crate) databases: BTreeMap<String, Arc<Database>>,
    pub(crate) variables: Variables,
    pub(crate) outbound: Arc<Outbound>,
}

/// The state of all capabilities in one instance.
pub(crate) struct Guest {
    pub(super) grants: Arc<Grants>,
    pub(super) open_handles: OpenHandles,
    /// Counts the SQLite connections that are open.
    pub(super) open_connections: Arc<()>,
    pub(super) outbound: Hooks,
}

impl GuestState for Guest {
    type Grants = Grants;

    fn new(
        component: &Arc<ComponentContext>,
        grants: &Arc<Grants>,
        call: &CurrentCall,
        in_flight: &InFlight,
    ) -> Self {
        let outbound = grants.outbound.clone();
        Self {
            grants: grants.clone(),
            open_handles: OpenHandles::default(),
            open_connections: Arc::default(),
            outbound: Hooks::new(component.clone(), outbound, call.clone(), in_flight.clone()),
        }
    }

    fn set_call(&mut self, call: &CurrentCall) {
        self.outbound.set_call(call.clone());
    }

    fn http_hooks(&mut self) -> &mut dyn WasiHttpHooks {
        &mut self.outbound
    }
}
