//! The code of all components: read, composed and compiled.

use super::middleware::ByComponent;
use crate::capabilities::{offers, permission};
use crate::engine::{
    Engine, binary, compile, compose_middleware, fits, imports, into_component, is_of_platform,
};
use crate::progress::Progress;
use crate::rollouts::{CodeId, Records, Resumed};
use anyhow::{Context as _, anyhow, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tessera_manifest::{App, Component, ComponentId, Middleware, Source};
use wasmtime::component::Component as Code;

/// The code of one component.
pub(super) struct Loaded {
    pub(super) code: Code,
    /// The file, as in the manifest.
    pub(super) source: String,
    /// What reading and compiling took.
    pub(super) took: Duration,
}

/// Read and compile all components, as many at a time as there are cores: more would take memory
/// and no less time.
pub(super) async fn load(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    middleware: &ByComponent,
    engine: &Engine,
    bars: bool,
    (records, resumed): (&Records, &BTreeMap<ComponentId, Resumed>),
) -> anyhow::Result<BTreeMap<ComponentId, Loaded>> {
    ids.iter().try_for_each(|id| find(&app.components[id]))?;
    let progress = Progress::new(ids.len(), "compiling", bars);
    let jobs = ids.iter().map(|id| {
        let (app, engine, progress) = (app.clone(), engine.clone(), progress.clone());
        let id = id.clone();
        let middleware = middleware.get(&id).cloned().unwrap_or_default();
        let (records, resumed) = (records.clone(), resumed[&id].clone());
        // Begins when it is polled for the first time.
        async {
            tokio::task::spawn_blocking(move || {
                let (begun, number) = (Instant::now(), progress.begin());
                let component = &app.components[&id];
                let path = resumed.code.map_or_else(|| local_source(component), Ok)?;
                let bytes = fs::read(&path).map_err(|error| missing(component, &path, &error))?;
                let is_expected = records.stage_code(&bytes)? == resumed.parts.code;
                ensure!(is_expected, "{} has just changed: start again", path.display());
                let compiling = || progress.announce(number, &id);
                let file = (path.as_path(), bytes);
                let code = compiled(&app, component, &middleware, &engine, file, compiling)?;
                progress.end();
                let source = path.strip_prefix(&app.folder).unwrap_or(&path).display().to_string();
                anyhow::Ok((id, Loaded { code, source, took: begun.elapsed() }))
            })
            .await
        }
    });
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let loaded = futures::stream::iter(jobs).buffer_unordered(cores);
    let code = loaded.map(|job| job?).try_collect().await?;
    progress.finish();
    Ok(code)
}

/// The code of a component from the bytes of a file, with its dependencies and middleware.
pub(super) fn compiled(
    app: &App,
    component: &Component,
    middleware: &[Middleware],
    engine: &Engine,
    (path, bytes): (&Path, Vec<u8>),
    compiling: impl FnOnce(),
) -> anyhow::Result<Code> {
    let id = &component.id;
    let bytes = into_component(binary(path, bytes)?)
        .with_context(|| format!("`{id}`: {}", path.display()))?;
    let bytes = crate::engine::compose(app, component, bytes, permission)?;
    let bytes = compose_middleware(app, id, bytes, middleware, permission)?;
    warn_of_what_is_not_offered(component, &bytes);
    compile(engine, path, bytes, compiling)
}

/// The code that the manifest names for a component.
pub(super) fn of_manifest(component: &Component) -> anyhow::Result<CodeId> {
    let path = local_source(component)?;
    let bytes = fs::read(&path).map_err(|error| missing(component, &path, &error))?;
    Ok(CodeId::of(&bytes))
}

/// Finds the code of a component, before the compilation of others, which takes long.
fn find(component: &Component) -> anyhow::Result<()> {
    let path = local_source(component)?;
    File::open(&path).map(drop).map_err(|error| missing(component, &path, &error))
}

/// Warns of interfaces that the host does not implement, before the compilation, which takes long.
fn warn_of_what_is_not_offered(component: &Component, bytes: &[u8]) {
    // Bytes that are no component are reported by the compiler.
    let imports = imports(bytes).unwrap_or_default();
    let is_linked = |import: &str| {
        component.dependencies.iter().any(|dependency| fits(&dependency.import, import))
    };
    let unknown = imports
        .iter()
        .filter(|import| is_of_platform(import) && !offers(import) && !is_linked(import));
    for import in unknown {
        tracing::warn!(
            component = %component.id,
            "it imports `{import}`, which this host does not offer: a call of its functions fails. \
             If the component needs them, run it on a host that offers them"
        );
    }
}

fn local_source(component: &Component) -> anyhow::Result<PathBuf> {
    match &component.source {
        Source::Local(path) => Ok(path.clone()),
        // It would be local by now.
        Source::Remote { .. } | Source::Registry { .. } => {
            Err(anyhow!("the source of `{}` is not downloaded", component.id))
        }
    }
}

fn missing(component: &Component, path: &Path, error: &std::io::Error) -> anyhow::Error {
    let advice = match &component.build {
        Some(_) => "run `tessera build`, or start with `--build`",
        None => "check its `source` in the manifest",
    };
    anyhow!("the code of `{}`, {}, can't be read ({error}): {advice}", component.id, path.display())
}
