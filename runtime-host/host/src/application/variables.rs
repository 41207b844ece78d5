//! The values of the application's variables: what the operator has set, what the host adds, and
//! whether they may be used on this address.

use super::Options;
use super::exposure::Exposure;
use super::generated::Generated;
use crate::capabilities::variables::{Sources, Values};
use crate::runtime_config::{self, RuntimeConfig};
use anyhow::{bail, ensure};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use tessera_manifest::App;
use tessera_strict_toml::nearest;

/// The file of environment variables in the working directory.
const DOTENV: &str = ".env";

/// Reads all sources of values, servers included.
#[expect(clippy::disallowed_methods, reason = "variables have their own names in the environment")]
pub(super) async fn sources(
    app: &App,
    flags: &[VariableFlag],
    config: &RuntimeConfig,
) -> anyhow::Result<Sources> {
    refuse_unknown_flags(app, flags)?;
    warn_of_unknown_environment(app);
    let flags = flags.iter().map(|flag| (flag.name.clone(), flag.value.clone()));
    let environment = |name: &str| std::env::var(name).ok();
    let mut sources = Sources::new(flags.collect(), environment, config.providers.clone());
    if !app.variables.is_empty() {
        sources.set_dotenv(dotenv_here()?);
    }
    sources.fetch(app.variables.keys()).await?;
    Ok(sources)
}

/// Resolve all variables. `state_dir` exists and is locked by this process. The caller stores new
/// secrets when nothing else can prevent that the values are used.
pub(super) fn decide(
    app: &App,
    options: &Options,
    mut sources: Sources,
    state_dir: &Path,
    own_address: SocketAddr,
) -> anyhow::Result<(Values, Generated)> {
    let generated = Generated::of(app, &sources, state_dir)?;
    sources.add(generated.values.clone());
    let mut exposure = Exposure::of(app, options, &sources, own_address);
    sources.add(exposure.base_url.take().into_iter().collect());
    let values = Values::resolve(&app.variables, &sources);
    exposure.into_result(values.as_ref().err().cloned())?;
    Ok((values?, generated))
}

/// One value of a `--variable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VariableFlag {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether it is one of many values in a file, which other applications may use, too.
    pub(crate) shared: bool,
}

/// The file `.env` in the working directory, which Spin reads, too. Empty if there is none.
fn dotenv_here() -> anyhow::Result<BTreeMap<String, String>> {
    let path = std::path::absolute(DOTENV)?;
    runtime_config::dotenv_file(&path)
        .map_err(|why| anyhow::anyhow!("{} is {why}: correct it, or move it away", path.display()))
}

/// An unknown name is most likely misspelled, and a default would silently stay in effect.
fn refuse_unknown_flags(app: &App, flags: &[VariableFlag]) -> anyhow::Result<()> {
    let is_unknown = |flag: &&VariableFlag| !app.variables.contains_key(&flag.name);
    let unknown = flags.iter().filter(is_unknown).map(|flag| {
        let name = &flag.name;
        (named(app, name), flag.shared)
    });
    let (shared, unknown): (Vec<_>, Vec<_>) = unknown.partition(|(_, shared)| *shared);
    for (name, _) in shared {
        tracing::warn!("--variable: a file has a value for {name}, which is not declared");
    }
    let unknown: Vec<String> = unknown.into_iter().map(|(name, _)| name).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    bail!("--variable: {}", undeclared(app, &unknown))
}

/// That the application does not declare these variables, and which it declares.
fn undeclared(app: &App, unknown: &[String]) -> String {
    let known: Vec<&str> = app.variables.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("the application declares no variable {}; it declares {known}", unknown.join(", no "))
}

/// A name that is not declared, with the one that was most likely meant.
fn named(app: &App, name: &str) -> String {
    match nearest(name, app.variables.keys().map(String::as_str)) {
        Some(near) => format!("`{name}` (did you mean `{near}`?)"),
        None => format!("`{name}`"),
    }
}

/// Fails if the application does not declare one of these variables.
pub(super) fn check_declared<'a>(
    app: &App,
    names: impl Iterator<Item = &'a String>,
) -> anyhow::Result<()> {
    let unknown = names.filter(|name| !app.variables.contains_key(*name));
    let unknown: Vec<_> = unknown.map(|name| named(app, name)).collect();
    ensure!(unknown.is_empty(), "{}", undeclared(app, &unknown));
    Ok(())
}

/// The environment may be shared with other applications, so this is not an error.
#[expect(clippy::disallowed_methods, reason = "all names are compared with those of variables")]
fn warn_of_unknown_environment(app: &App) {
    for (key, _) in std::env::vars_os() {
        let name = key.to_str().and_then(|key| key.strip_prefix("SPIN_VARIABLE_"));
        let Some(name) = name.map(str::to_ascii_lowercase) else { continue };
        if !app.variables.contains_key(&name) {
            let near = nearest(&name, app.variables.keys().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            tracing::warn!(
                "{} is set, and the application declares no variable `{name}`{hint}",
                key.display()
            );
        }
    }
}
