//! The native twins: the same service as an axum program, without any sandbox.

use super::serving;
use crate::bench::Bench;
use crate::compare::Contender;
use crate::process::{Process, free_port};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use tokio::process::Command;
use toml_edit::{DocumentMut, Item};

/// A twin in one process.
pub(crate) const AXUM: &str = "axum";
/// Two processes that speak JSON over loopback HTTP/1.1 and keep their connections.
pub(crate) const AXUM_JSON: &str = "axum → axum, JSON";
/// Two processes, of which the caller reaches the callee by gRPC.
pub(crate) const AXUM_GRPC: &str = "axum → tonic, gRPC";

/// The shop as a process for each function.
pub(crate) const SHOP: &str = "axum services";

/// The processes of the shop: the functions of the twin, and the log of events.
const SHOP_PROCESSES: [&str; 16] = [
    "events",
    "cart",
    "catalog",
    "gateway",
    "identity",
    "inventory",
    "mailbox",
    "notifications",
    "order-history",
    "orders",
    "passwords",
    "payments",
    "psp-sandbox",
    "recommendations",
    "shipping",
    "templates",
];

/// The shop's twin, with an empty state, these variables, and the manifest's defaults for others.
pub(crate) async fn shop(bench: &Bench, variables: &[(&str, &str)]) -> Result<Contender> {
    let state = bench.folder()?;
    let manifest = std::fs::read_to_string(bench.artifacts.repository().join("spin.toml"))?;
    let mut settings = defaults(&manifest)?;
    settings.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let mut processes = Vec::new();
    for name in SHOP_PROCESSES {
        let mut command = Command::new(bench.artifacts.program("bench-shop-twin"));
        command.arg(name).env("TWIN_STATE", state.path());
        for (name, value) in &settings {
            command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
        let mut process = Process::spawn(name, command)?;
        let address = state.path().join(format!("{name}.address"));
        process.makes(&address).await?;
        processes.push(process);
    }
    let gateway = std::fs::read_to_string(state.path().join("gateway.address"))?;
    let url = format!("http://{gateway}");
    Ok(Contender { name: SHOP.to_owned(), url, processes, state: Some(state) })
}

/// The variables of a manifest that have a default, with it.
fn defaults(manifest: &str) -> Result<BTreeMap<String, String>> {
    let manifest: DocumentMut = manifest.parse()?;
    let variables = manifest["variables"].as_table().context("a table of variables")?;
    let default = |(name, variable): (&str, &Item)| {
        Some((name.to_owned(), variable.get("default")?.as_str()?.to_owned()))
    };
    Ok(variables.iter().filter_map(default).collect())
}

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

/// Caller and callee as processes of their own; the caller is told where the callee is with this
/// option.
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
