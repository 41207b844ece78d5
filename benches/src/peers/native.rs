//! The native twins: the same service as an axum program, without any sandbox.

use super::serving;
use crate::bench::Bench;
use crate::compare::Contender;
use anyhow::Result;
use tokio::process::Command;

/// A twin in one process.
pub(crate) const AXUM: &str = "axum";

/// `twin <arguments> --listen <address>`.
pub(crate) async fn twin(bench: &Bench, name: &str, arguments: &[&str]) -> Result<Contender> {
    let program = bench.artifacts.program("twin");
    serving(name, |address| {
        let mut command = Command::new(program);
        command.args(arguments).args(["--listen", address]);
        command
    })
    .await
}
