//! Who is measured: ours, and those it is compared with. Each file starts one kind of host.

pub(crate) mod native;
pub(crate) mod spin;
pub(crate) mod tessera;
pub(crate) mod wasmtime;

use crate::compare::Contender;
use crate::process::{Process, free_port};
use anyhow::Result;
use tokio::process::Command;

/// Starts a program that serves at the address it is given, and waits until it answers.
async fn serving(name: &str, command: impl FnOnce(&str) -> Command) -> Result<Contender> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut process = Process::spawn(name, command(&address))?;
    let url = format!("http://{address}");
    process.answers(&url).await?;
    Ok(Contender { name: name.to_owned(), url, processes: vec![process], state: None })
}
