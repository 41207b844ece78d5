//! `spin up`: stock Spin with the same manifest and the same bytes.
//!
//! Spin does not set TCP_NODELAY, and its chunked answers wait 40 ms for it. So it is measured as
//! it is, and with the option forced on the unchanged program by a preloaded shim
//! (`benches/nodelay.c`); targets are judged against the better of the two.

use super::serving;
use crate::bench::Bench;
use crate::compare::Contender;
use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;
use tokio::process::Command;

/// As it is.
pub(crate) const SPIN: &str = "Spin";
/// With TCP_NODELAY.
pub(crate) const SPIN_NODELAY: &str = "Spin (TCP_NODELAY)";
/// The better of the two is what targets are judged against.
pub(crate) const EITHER: &[&str] = &[SPIN, SPIN_NODELAY];

/// Whether an instance answers more than one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As many as it does by default.
    On,
    /// One.
    Off,
}

/// The bench app with this name, as it is and with TCP_NODELAY, if `spin` is on `PATH`.
pub(crate) async fn both(bench: &Bench, app: &str, reuse: Reuse) -> Result<Vec<Contender>> {
    let Some(program) = &bench.spin else { return Ok(Vec::new()) };
    let shim = shim(bench).await?;
    let mut contenders = Vec::new();
    for (name, preload) in [(SPIN, None), (SPIN_NODELAY, Some(&shim))] {
        let state = bench.folder()?;
        let manifest = bench.artifacts.manifest(app)?;
        let mut contender = serving(name, |address| {
            let mut command = Command::new(program);
            command.arg("up").arg("--from").arg(manifest).args(["--quiet", "--listen", address]);
            command.arg("--state-dir").arg(state.path());
            if reuse == Reuse::Off {
                command.args(["--max-instance-reuse-count", "1"]);
            }
            command.envs(preload.map(|shim| ("LD_PRELOAD", shim)));
            command
        })
        .await?;
        contender.state = Some(state);
        contenders.push(contender);
    }
    Ok(contenders)
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
