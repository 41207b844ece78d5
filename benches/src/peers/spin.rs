//! `spin up`: stock Spin with the same manifest and the same bytes.
//!
//! Spin does not set TCP_NODELAY, and its chunked answers wait 40 ms for it. So it is measured as
//! it is, and with the option forced on the unchanged program by a preloaded shim
//! (`benches/nodelay.c`); targets are judged against the better of the two.

use super::serving;
use super::tessera::variable_arguments;
use crate::bench::Bench;
use crate::compare::Contender;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// As it is.
pub(crate) const SPIN: &str = "Spin";
/// With TCP_NODELAY.
const SPIN_NODELAY: &str = "Spin (TCP_NODELAY)";
/// The better of the two is what targets are judged against.
pub(crate) const EITHER: &[&str] = &[SPIN, SPIN_NODELAY];
/// The same with an instance for each request.
pub(crate) const FRESH: &[&str] = &["Spin, fresh", "Spin (TCP_NODELAY), fresh"];

/// Whether an instance answers more than one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As many as it does by default: 128, of which 16 at once.
    On,
    /// One.
    Off,
}

/// The bench app with this name and these stores, as it is and with TCP_NODELAY, if `spin` is on
/// `PATH`. Stores are on the disk.
pub(crate) async fn both(
    bench: &Bench,
    app: &str,
    stores: &[&str],
    reuse: Reuse,
) -> Result<Vec<Contender>> {
    if bench.spin.is_none() {
        return Ok(Vec::new());
    }
    let manifest = bench.artifacts.manifest(app)?;
    let mut arguments = vec!["--direct-mounts"];
    if reuse == Reuse::Off {
        arguments.extend(["--max-instance-reuse-count", "1"]);
    }
    let names = if reuse == Reuse::On { EITHER } else { FRESH };
    let mut contenders = Vec::new();
    for (name, nodelay) in names.iter().zip([false, true]) {
        contenders.extend(up(bench, name, &manifest, stores, nodelay, &arguments).await?);
    }
    Ok(contenders)
}

/// The shop, as it is and with TCP_NODELAY, if `spin` is on `PATH`. Stores are on the disk.
pub(crate) async fn shop(
    bench: &Bench,
    manifest: &Path,
    variables: &[(&str, &str)],
) -> Result<Vec<Contender>> {
    let text = std::fs::read_to_string(manifest)?;
    let stores: Vec<&str> = text.lines().filter_map(store).collect();
    let arguments = variable_arguments(variables);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut contenders = Vec::new();
    for (name, nodelay) in EITHER.iter().zip([false, true]) {
        contenders.extend(up(bench, name, manifest, &stores, nodelay, &arguments).await?);
    }
    Ok(contenders)
}

/// The store that a line of the shop's manifest grants: each function has one.
fn store(line: &str) -> Option<&str> {
    line.strip_prefix("key_value_stores = [\"")?.strip_suffix("\"]")
}

/// `spin up` of any manifest, if `spin` is on `PATH`; with TCP_NODELAY or as it is.
pub(crate) async fn up(
    bench: &Bench,
    name: &str,
    manifest: &Path,
    stores: &[&str],
    nodelay: bool,
    arguments: &[&str],
) -> Result<Option<Contender>> {
    let Some(program) = &bench.spin else { return Ok(None) };
    let shim = if nodelay { Some(shim(bench).await?) } else { None };
    let state = bench.folder()?;
    let config = state.path().join("runtime-config.toml");
    std::fs::write(&config, runtime_config(state.path(), stores))?;
    let mut contender = serving(name, |address| {
        let mut command = Command::new(program);
        command.arg("up").arg("--from").arg(manifest).args(["--quiet", "--listen", address]);
        command.arg("--state-dir").arg(state.path()).arg("--runtime-config-file").arg(&config);
        command.args(arguments).envs(shim.map(|shim| ("LD_PRELOAD", shim)));
        command
    })
    .await?;
    contender.state = Some(state);
    Ok(Some(contender))
}

/// Stock Spin keeps other stores than `default` where a file says: each in a database of its own.
fn runtime_config(folder: &Path, stores: &[&str]) -> String {
    let store = |label: &&str| {
        let file = folder.join(format!("{label}.db"));
        format!("[key_value_store.{label}]\ntype = \"spin\"\npath = {:?}\n\n", file)
    };
    stores.iter().map(store).collect()
}

/// The shim, compiled.
async fn shim(bench: &Bench) -> Result<PathBuf> {
    let source = bench.artifacts.repository().join("benches/nodelay.c");
    let library = bench.results().join("nodelay.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).arg("-ldl");
    let status = cc.kill_on_drop(true).status().await.context("cc does not start")?;
    ensure!(status.success(), "benches/nodelay.c does not compile");
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_of_the_shop_has_one_store() {
        let manifest = include_str!("../../../spin.toml");
        let stores: Vec<&str> = manifest.lines().filter_map(store).collect();
        let granted = manifest.matches("key_value_stores").count();
        assert!(stores.contains(&"orders") && stores.len() == granted, "{stores:?}");
    }
}
