//! Ours: `tessera up`.

use super::serving;
use crate::bench::Bench;
use crate::compare::Contender;
use anyhow::Result;
use std::path::Path;
use tokio::process::Command;

/// Ours, as it stands in the table.
pub(crate) const NAME: &str = "tessera";
/// Ours with HTTP instead of links between the functions.
pub(crate) const BRIDGED: &str = "tessera, bridges";

/// The bench app with this name, with an empty state, and these arguments beside the usual ones.
pub(crate) async fn up(bench: &Bench, app: &str, arguments: &[&str]) -> Result<Contender> {
    manifest_up(bench, &bench.artifacts.manifest(app)?, arguments).await
}

/// Any application, with an empty state.
pub(crate) async fn manifest_up(
    bench: &Bench,
    manifest: &Path,
    arguments: &[&str],
) -> Result<Contender> {
    let state = bench.folder()?;
    let mut contender = serving(NAME, |address| {
        let mut command = command(bench, manifest, state.path());
        command.args(["--listen", address, "--log", "warn"]).args(arguments);
        command
    })
    .await?;
    contender.state = Some(state);
    Ok(contender)
}

/// Any application, with an empty state and these variables.
pub(crate) async fn with_variables(
    bench: &Bench,
    manifest: &Path,
    variables: &[(&str, &str)],
) -> Result<Contender> {
    let arguments = variable_arguments(variables);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    manifest_up(bench, manifest, &arguments).await
}

/// Variables on the command line, as Spin and this host take them.
pub(super) fn variable_arguments(variables: &[(&str, &str)]) -> Vec<String> {
    let argument =
        |(name, value): &(&str, &str)| ["--variable".to_owned(), format!("{name}={value}")];
    variables.iter().flat_map(argument).collect()
}

/// `tessera up` without its address and its filter of the log. Compiled code is shared by all.
pub(crate) fn command(bench: &Bench, manifest: &Path, state: &Path) -> Command {
    let mut command = Command::new(bench.artifacts.program("tessera"));
    command.arg("up").arg("--from").arg(manifest).arg("--state-dir").arg(state);
    command.arg("--cache-dir").arg(bench.results().join("cache"));
    command.args(["--quiet", "--log-format", "json", "--admin-listen", "127.0.0.1:0"]);
    command
}
