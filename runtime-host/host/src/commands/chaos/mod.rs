//! `tessera chaos`: injects faults into a running host, and runs experiments.

mod add;
mod experiment;
mod host;
mod load;
mod report;
mod run;

use super::admin_client::RunningHost;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Inject faults into a running host, and run experiments.
///
/// The host must have been started with `--chaos`.
#[derive(Debug, Args)]
pub(crate) struct Chaos {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the active faults.
    List {
        #[command(flatten)]
        host: RunningHost,
    },
    /// Inject a fault.
    Add(Box<add::Add>),
    /// End a fault before its time.
    Remove {
        /// Its number.
        #[arg(required_unless_present = "all")]
        id: Option<u64>,
        /// End all faults.
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        host: RunningHost,
    },
    /// Run an experiment: send requests, inject faults, and compare what happened with what must
    /// hold.
    Run(run::Run),
}

impl Chaos {
    /// Does what was asked for.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.verb.run())
    }
}

impl Verb {
    async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { host } => list(&host).await?,
            Self::Add(add) => add.run().await?,
            Self::Remove { id, host, .. } => host.connect()?.remove(id).await?,
            Self::Run(run) => return run.run().await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(host: &RunningHost) -> anyhow::Result<()> {
    let faults = host.connect()?.faults().await?;
    if faults.is_empty() {
        print("no faults are active");
    }
    for fault in faults {
        print(&fault.to_string());
    }
    Ok(())
}

/// Prints a result of the command.
#[expect(clippy::print_stdout, reason = "results, unlike logs, are for other programs, too")]
fn print(text: &str) {
    println!("{text}");
}
