//! The values of the application's variables: what the operator has set, what the host adds, and
//! whether they may be used on this address.

use super::Options;
use super::exposure::Exposure;
use super::generated::Generated;
use crate::capabilities::variables::{Provider, Sources, Values};
use crate::runtime_config::RuntimeConfig;
use anyhow::bail;
use std::net::SocketAddr;
use std::path::Path;
use tessera_manifest::App;
use tessera_strict_toml::nearest;

/// Resolve all variables. `state_dir` exists and is locked by this process. The caller stores new
/// secrets when nothing else can prevent the start.
#[expect(clippy::disallowed_methods, reason = "variables have their own names in the environment")]
pub(super) fn decide(
    app: &App,
    options: &Options,
    config: &RuntimeConfig,
    state_dir: &Path,
    own_address: SocketAddr,
) -> anyhow::Result<(Values, Generated)> {
    let flags = options.variables.iter().cloned().collect();
    let environment = |name: &str| std::env::var(name).ok();
    let mut sources = Sources::new(flags, environment, config.providers.clone());
    refuse_unknown_flags(app, options)?;
    warn_of_unknown_environment(app);
    let generated = Generated::of(app, &sources, state_dir)?;
    sources.add(Provider::Static(generated.values.clone()));
    let mut exposure = Exposure::of(app, options, &sources, own_address);
    sources.add(Provider::Static(exposure.base_url.take().into_iter().collect()));
    let values = Values::resolve(&app.variables, &sources);
    exposure.into_result(values.as_ref().err().cloned())?;
    Ok((values?, generated))
}

/// An unknown name is most likely misspelled, and a default would silently stay in effect.
fn refuse_unknown_flags(app: &App, options: &Options) -> anyhow::Result<()> {
    let unknown: Vec<String> = options
        .variables
        .iter()
        .filter(|(name, _)| !app.variables.contains_key(name))
        .map(|(name, _)| match nearest(name, app.variables.keys().map(String::as_str)) {
            Some(near) => format!("`{name}` (did you mean `{near}`?)"),
            None => format!("`{name}`"),
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = app.variables.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    bail!(
        "--variable: the application declares no variable {}; it declares {known}",
        unknown.join(", no ")
    )
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
