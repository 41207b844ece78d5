//! `tessera flags`: the feature flags of a running host.

mod evaluate;
mod host;
mod set;
mod shown;

use super::admin_client::RunningHost;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Show, change and evaluate the feature flags of a running host.
///
/// Changes are in force for the next call, and the host keeps them when it is restarted.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show all flags.
    List {
        #[command(flatten)]
        host: RunningHost,
    },
    /// Show the definition of a flag, and who has changed it.
    Show {
        key: String,
        #[command(flatten)]
        host: RunningHost,
    },
    /// Define a flag, or replace its definition.
    Set(set::Set),
    /// Switch a flag on.
    Enable(Change),
    /// Switch a flag off: callers use their own defaults.
    Disable(Change),
    /// Remove the definition of an operator. That of the manifest's file is in force again.
    Remove(Change),
    /// Evaluate a flag, as a component would.
    Evaluate(evaluate::Evaluate),
}

/// A change of a flag.
#[derive(Debug, Args)]
struct Change {
    key: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    host: RunningHost,
}

/// Who makes a change.
#[derive(Debug, Args)]
struct By {
    /// Who does this, for the list of changes.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    by: String,
}

impl Flags {
    /// Does what was asked for.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.verb.run())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Verb {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { host } => list(&host).await,
            Self::Show { key, host } => show(&key, &host).await,
            Self::Set(set) => set.run().await,
            Self::Enable(change) => change.switch("enable").await,
            Self::Disable(change) => change.switch("disable").await,
            Self::Remove(change) => change.remove().await,
            Self::Evaluate(evaluate) => evaluate.run().await,
        }
    }
}

async fn list(host: &RunningHost) -> anyhow::Result<()> {
    let flags = host.connect()?.flags().await?;
    if flags.is_empty() {
        print("there are no feature flags");
    }
    flags.iter().for_each(|flag| print(&shown::line(flag)));
    Ok(())
}

async fn show(key: &str, host: &RunningHost) -> anyhow::Result<()> {
    let host = host.connect()?;
    let flag = host.flag(key).await?;
    print(&shown::line(&flag));
    print(&serde_json::to_string_pretty(&flag.definition)?);
    let changes = host.flag_changes().await?;
    changes.iter().filter(|change| change.flag == key).for_each(|one| print(&shown::change(one)));
    Ok(())
}

impl Change {
    async fn switch(self, verb: &str) -> anyhow::Result<()> {
        let flag = self.host.connect()?.switch_flag(&self.key, verb, &self.by.by).await?;
        print(&shown::line(&flag));
        Ok(())
    }

    async fn remove(self) -> anyhow::Result<()> {
        self.host.connect()?.remove_flag(&self.key, &self.by.by).await?;
        print(&format!("`{}`: the definition is removed", self.key));
        Ok(())
    }
}

/// Prints a result of the command.
#[expect(clippy::print_stdout, reason = "results, unlike logs, are for other programs, too")]
fn print(text: &str) {
    println!("{text}");
}
