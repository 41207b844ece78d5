//! What capabilities keep: for a component, and for each of its instances.

use super::handles::OpenHandles;
use super::llm;
use super::mysql::Mysql;
use super::otel::OpenSpans;
use super::outbound_http::{Hooks, Outbound};
use super::postgres::Postgres;
use super::redis::Servers;
use super::sockets::{Lookups, OpenSockets, Permissions};
use super::sql::Pools;
use super::sqlite::{Database, Streams};
use super::variables::Variables;
use super::wasi::WallClock;
use crate::chaos::{Faults, SteppedClock};
use crate::engine::{self, ComponentContext, CurrentCall, GuestState, InFlight};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tessera_flags::Flags;
use tessera_storage::KeyValue;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::WasiHttpHooks;

/// The data of an instance's store.
pub(crate) type State = engine::State<Guest>;

/// What a component may use, as its manifest says.
pub(crate) struct Grants {
    /// The stores that it may open, by label.
    pub(crate) stores: BTreeMap<String, Arc<dyn KeyValue>>,
    /// The SQLite databases that it may open, by label.
    pub(crate) databases: BTreeMap<String, Database>,
    /// The language models that it may use.
    pub(crate) models: BTreeSet<String>,
    /// The server of language models, if there is one.
    pub(crate) llm: Option<Arc<llm::Remote>>,
    pub(crate) variables: Variables,
    pub(crate) outbound: Arc<Outbound>,
    /// Its connections to Redis.
    pub(crate) redis: Servers,
    /// Its connections to database servers.
    pub(crate) servers: DatabaseServers,
}

/// What the instances of a component share of databases: connections to servers, and threads.
#[derive(Default)]
pub(crate) struct DatabaseServers {
    pub(super) mysql: Pools<Mysql>,
    pub(super) postgres: Pools<Postgres>,
    pub(super) sqlite_streams: Streams,
}

impl Grants {
    /// What an operator lets fail; `None` if the host has no such faults.
    pub(crate) fn faults(&self) -> Option<&Arc<Faults>> {
        self.outbound.faults()
    }
}

/// The state of all capabilities in one instance.
pub(crate) struct Guest {
    component: Arc<str>,
    pub(super) grants: Arc<Grants>,
    /// Key-value stores, and swaps of their values.
    pub(super) open_stores: OpenHandles,
    /// Connections to SQLite databases.
    pub(super) open_databases: OpenHandles,
    /// Connections to other servers, by all drivers together.
    pub(super) open_remotes: OpenHandles,
    pub(super) outbound: Hooks,
    /// What its sockets may use.
    pub(super) sockets: Arc<Permissions>,
    /// The sockets that are counted, until they are dropped.
    pub(super) open_sockets: OpenSockets,
    /// Lookups of names that have begun.
    pub(super) lookups: Lookups,
    /// Its own spans.
    pub(super) spans: OpenSpans,
    /// The feature flags that its call sees, from its first evaluation on.
    pub(super) flags: Option<Arc<Flags>>,
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
        let sockets = Permissions::new(component.id.clone(), outbound.clone());
        Self {
            component: component.id.clone(),
            grants: grants.clone(),
            open_stores: OpenHandles::default(),
            open_databases: OpenHandles::default(),
            open_remotes: OpenHandles::default(),
            outbound: Hooks::new(component.clone(), outbound, call.clone(), in_flight.clone()),
            sockets,
            open_sockets: OpenSockets::default(),
            lookups: Lookups::default(),
            spans: OpenSpans::default(),
            flags: None,
        }
    }

    fn configure(&self, wasi: &mut WasiCtxBuilder) {
        self.sockets.apply(wasi);
        if let Some(faults) = self.grants.faults() {
            let (component, faults) = (self.component.clone(), faults.clone());
            wasi.wall_clock(WallClock::new(SteppedClock { component, faults }));
        }
    }

    fn begin(&mut self) {
        self.flags = None;
    }

    fn set_call(&mut self, call: &CurrentCall) {
        self.outbound.set_call(call.clone());
    }

    fn show_host(&mut self, shown: bool) {
        self.outbound.show_host(shown);
    }

    fn http_hooks(&mut self) -> &mut dyn WasiHttpHooks {
        &mut self.outbound
    }
}
