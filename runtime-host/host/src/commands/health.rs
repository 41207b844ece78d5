//! `tessera health`: whether a running host is ready, for what can only start programs, such as the
//! health check of a container without a shell.

use super::admin_client::AdminUrl;
use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;
use std::process::ExitCode;
use std::time::Duration;

/// A host that takes longer than this to answer is not healthy.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The status of a host that is ready.
const PASS: &str = "pass";

/// Ask a running host whether it is ready.
///
/// The exit code is 0 if `/readyz` of its admin listener succeeds within 5 seconds, and 1 if not, with
/// the reason on standard error. It needs no token.
#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    url: AdminUrl,
}

#[derive(Deserialize)]
struct Readiness {
    status: String,
    notes: Vec<String>,
}

impl Health {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.ask())
    }

    async fn ask(self) -> anyhow::Result<ExitCode> {
        let asked = tokio::time::timeout(TIMEOUT, self.url.readiness()).await;
        let answer = asked.with_context(|| {
            format!("the host does not answer within {} s", TIMEOUT.as_secs())
        })??;
        match serde_json::from_slice(answer.body()) {
            Ok(Readiness { status, .. }) if status == PASS => Ok(ExitCode::SUCCESS),
            Ok(Readiness { notes, .. }) => bail!("the host is not ready: {}", notes.join("; ")),
            Err(_) => bail!(
                "this is no admin listener: it answered {} without its readiness",
                answer.status()
            ),
        }
    }
}
