//! Running components: compile once, keep warm instances, serve one call at a time.
//!
//! Three moments, each with its own type: [`Engine`] is made once per process,
//! [`Revision`] once per component and version, [`instance::Instance`] as often as calls need one.

mod background;
mod code_cache;
mod compile;
mod compose;
mod context;
mod cpu;
mod deny;
mod failure;
mod files;
mod framing;
mod function_call;
mod held;
mod http_call;
mod instance;
mod libraries;
mod memory;
mod patience;
mod pool;
mod reply;
mod revision;
mod room;
mod state;
mod streamed_body;
mod turns;

pub(crate) use compile::{compile, refuse_other_formats};
pub(crate) use compose::fits;
pub(crate) use context::ComponentContext;
pub(crate) use deny::add_to_linker as deny_what_is_not_inherited;
pub(crate) use files::mount as mount_files;
pub(crate) use framing::{is_bodiless, without_body};
pub(crate) use function_call::{FunctionName, call as call_function};
pub(crate) use held::{Arguments, InFlight, fields as fields_bytes, values as values_bytes};
pub(crate) use http_call::{Request, Response, call as call_http, full as full_body};
pub(crate) use libraries::compose;
pub(crate) use revision::Revision;
pub(crate) use room::Room;
pub(crate) use state::{CurrentCall, State};

use crate::telemetry::Telemetry;
use anyhow::Context as _;
use background::Threads;
use code_cache::CodeCache;
use memory::Budget;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Config;

/// How often running guests are looked at: the grain of CPU limits.
const EPOCH_TICK: Duration = Duration::from_millis(2);

/// The compiler and what all instances share.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) wasm: wasmtime::Engine,
    cache: CodeCache,
    pub(crate) room: Arc<Room>,
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

impl Engine {
    /// `cache_folder` keeps compiled code between runs, by content hash.
    pub(crate) fn new(
        cache_folder: &Path,
        capacity: Capacity,
        telemetry: Arc<Telemetry>,
    ) -> anyhow::Result<Self> {
        let wasm = wasmtime::Engine::new(&config(capacity.instances_max))
            .map_err(anyhow::Error::from)
            .context("the WebAssembly engine could not be made")?;
        let cache = CodeCache::open(cache_folder, &wasm).with_context(|| {
            format!("the folder for compiled code, {}, can't be used", cache_folder.display())
        })?;
        tick(wasm.clone())?;
        let budget = Budget::new(capacity.memory_max_bytes);
        let room = Arc::new(Room::new(capacity.instances_max, budget));
        room.tidy()?;
        Ok(Self { wasm, cache, room, background: Arc::new(Threads::start()?), telemetry })
    }
}

fn config(instances_max: u32) -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true);
    pool::configure(&mut config, instances_max);
    config
}

/// A thread of its own advances the epoch: a guest that never yields can't hold it up.
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
