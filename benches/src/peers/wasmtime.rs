//! `wasmtime serve`: the reference host of `wasi:http`, with the same bytes.

use super::serving;
use crate::bench::Bench;
use crate::compare::Contender;
use anyhow::Result;
use tokio::process::Command;

/// With instances that are used again.
pub(crate) const SERVE: &str = "wasmtime serve";
/// With an instance for each request.
pub(crate) const SERVE_FRESH: &str = "wasmtime serve, fresh";

/// Whether an instance answers more than one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As many as it does by default.
    On,
    /// One.
    Off,
}

/// The component, if `wasmtime` is on `PATH`.
pub(crate) async fn serve(
    bench: &Bench,
    component: &str,
    reuse: Reuse,
) -> Result<Option<Contender>> {
    let Some(program) = &bench.wasmtime else { return Ok(None) };
    let component = bench.artifacts.guest(component);
    let name = if reuse == Reuse::On { SERVE } else { SERVE_FRESH };
    let contender = serving(name, |address| {
        let mut command = Command::new(program);
        command.args(["serve", "-S", "cli,p3", "-W", "component-model-async=y", "--addr", address]);
        if reuse == Reuse::Off {
            command.args(["--max-instance-reuse-count", "1"]);
        }
        command.arg(component);
        command
    });
    Ok(Some(contender.await?))
}
