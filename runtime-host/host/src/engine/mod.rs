//! Runs components: compiles them once, keeps warm instances, serves one call at a time with each.
//!
//! Three moments, each with its own type: an [`Engine`] is made once per process, a [`Revision`]
//! once per component, an instance as often as calls need one. A revision is the
//! [`Callee`](crate::calls::Callee) of its component.
//!
//! The engine knows no capability of the host: instances are generic over the [`GuestState`] that
//! capabilities keep in them.

mod instances;
mod invoking;
mod loading;
mod scheduling;

pub(crate) use instances::{
    Arguments, ComponentContext, CurrentCall, FunctionName, GuestState, InFlight, InstanceBudget,
    Mount, Occupancy, OutputSinks, RedisExport, Revision, Role, State, Usage,
    fields as fields_bytes, values as values_bytes,
};
pub(crate) use invoking::{Ended, FunctionCall, Functions};
pub(crate) use loading::{
    Contracts, WASI_0_2, binary, compile, compose, compose_middleware, deny_what_is_not_inherited,
    fits, imports, imports_and_exports, into_component, is_of_platform, refuse_denied,
    trap_unknown,
};

use crate::background::Threads;
use crate::telemetry::Telemetry;
use anyhow::Context as _;
use instances::MemoryBudget;
use loading::CodeCache;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tessera_resilience::Choice;
use wasmtime::Config;

/// How often running guests are checked: the granularity of CPU limits.
const EPOCH_TICK: Duration = Duration::from_millis(2);

/// The compiler and what all instances share.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) wasm: wasmtime::Engine,
    /// Without a cache, all code is compiled at each start.
    cache: Option<CodeCache>,
    pub(crate) budget: Arc<InstanceBudget>,
    reuse: Reuse,
    background: Arc<Threads>,
    telemetry: Arc<Telemetry>,
}

/// The limits of all instances together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    /// Instances that exist at once.
    pub(crate) instances_max: u32,
    /// Their memory.
    pub(crate) memory_max_bytes: usize,
}

/// How an instance is used again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reuse {
    /// Calls after which it is replaced. A component with a lower limit keeps it.
    pub(crate) calls_max: Option<Choice>,
    /// How long it stays idle, in nanoseconds.
    pub(crate) idle_max_ns: Option<Choice>,
}

/// What the operator chose for the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineOptions {
    pub(crate) capacity: Capacity,
    pub(crate) reuse: Reuse,
    /// Whether instances take their memory from a pool, which reserves address space.
    pub(crate) pooling: bool,
    /// Whether compiled code has what debuggers need.
    pub(crate) debug_info: bool,
    /// Whether compiled code is kept for the next start.
    pub(crate) keeps_code: bool,
}

impl Engine {
    /// `cache_folder` keeps compiled code between runs, by content hash.
    pub(crate) fn new(
        cache_folder: &Path,
        options: EngineOptions,
        telemetry: Arc<Telemetry>,
    ) -> anyhow::Result<Self> {
        let wasm = wasmtime::Engine::new(&config(options))
            .map_err(anyhow::Error::from)
            .context("the WebAssembly engine could not be made")?;
        let open = || {
            CodeCache::open(cache_folder, &wasm).with_context(|| {
                format!("the folder for compiled code, {}, can't be used", cache_folder.display())
            })
        };
        let cache = options.keeps_code.then(open).transpose()?;
        let EngineOptions { capacity, reuse, .. } = options;
        tick(wasm.clone())?;
        let memory = MemoryBudget::new(capacity.memory_max_bytes);
        let budget = Arc::new(InstanceBudget::new(capacity.instances_max, memory));
        budget.release_periodically()?;
        let background = Arc::new(Threads::start()?);
        Ok(Self { wasm, cache, budget, reuse, background, telemetry })
    }
}

fn config(options: EngineOptions) -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true);
    config.debug_info(options.debug_info);
    if options.pooling {
        instances::configure_pool(&mut config, options.capacity.instances_max);
    }
    config
}

/// A separate thread advances the epoch: a guest that never yields can't delay it.
fn tick(engine: wasmtime::Engine) -> anyhow::Result<()> {
    let weak = engine.weak();
    let run = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH_TICK);
        }
    };
    std::thread::Builder::new().name("epoch".into()).spawn(run)?;
    Ok(())
}
