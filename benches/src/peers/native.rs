//! The native twins: the same service as an axum program, without any sandbox.

use super::serving;
use crate::bench::Bench;
use crate::compare::Contender;
use crate::process::{Process, free_port};
use anyhow::Result;
use tokio::process::Command;

/// A twin in one process.
pub(crate) const AXUM: &str = "axum";
/// Two processes that speak JSON over loopback HTTP/1.1 and keep their connections.
pub(crate) const AXUM_JSON: &str = "axum → axum, JSON";
/// Two processes, of which the caller reaches the callee by gRPC.
pub(crate) const AXUM_GRPC: &str = "axum → tonic, gRPC";

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

/// Caller and callee as separate processes. This option of the caller has the URL of the callee.
pub(crate) async fn pair(
    bench: &Bench,
    name: &str,
    (callee, option): (&str, &str),
) -> Result<Contender> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(bench.artifacts.program("twin"));
    command.args([callee, "--listen", &address]);
    let mut callee = Process::spawn(callee, command)?;
    callee.accepts(&address).await?;
    let url = format!("http://{address}");
    let mut contender = twin(bench, name, &["quote", option, &url]).await?;
    contender.processes.push(callee);
    Ok(contender)
}
