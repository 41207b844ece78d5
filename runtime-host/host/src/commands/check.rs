//! `tessera check`: whether a new contract fits those who use the old one.

mod against;
mod documents;

use super::{Application, default_state_dir};
use crate::application::{Findings, check_contract};
use crate::telemetry::{LogFormat, init_logs};
use against::Against;
use anyhow::ensure;
use clap::Args;
use documents::Documents;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tessera_manifest::App;

/// Compare the contract of new code with that of other code, before it is deployed.
///
/// What was exported must still be exported with compatible types, what is imported must be offered,
/// and the components of the manifest that are linked to it must still fit. With `--api` and
/// `--events`, descriptions are compared instead of code. The exit code is 1 if something would break.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The component whose `source` in the manifest is the new code [default: all components].
    component: Option<String>,
    /// What it is compared with: a file; the first digits of the digest of code that a host has kept,
    /// in `revisions/code` of its state directory; or a name in a registry, as for `tessera deploy`.
    #[arg(long, value_name = "OTHER")]
    against: String,
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    application: Application,
    /// The state directory of the host [default: `.tessera` next to the manifest].
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Reach the registry without TLS.
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Print a JSON object with `compatible`, `breaks` (each with `at` and `reason`) and `warnings`.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        init_logs(LogFormat::default(), "warn", Arc::default(), Arc::default())?;
        let findings = match self.documents.compare(&self.against)? {
            Some(breaks) => {
                ensure!(
                    self.component.is_none(),
                    "--api and --events compare documents: leave the component out"
                );
                Findings { breaks, warnings: Vec::new() }
            }
            None => {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                runtime.block_on(self.code())?
            }
        };
        self.show(&findings);
        Ok(if findings.breaks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Compares code.
    async fn code(&self) -> anyhow::Result<Findings> {
        let app = self.application.load()?;
        let state_dir = self.state_dir.clone().unwrap_or_else(|| default_state_dir(&app));
        let state_dir = std::path::absolute(state_dir)?;
        let cache_dir = state_dir.join("cache");
        let against = Against::of(&self.against, self.insecure, &state_dir, &cache_dir)?;
        let mut all = Findings::default();
        for id in self.ids(&app, &against)? {
            let found = check_contract(&app, &id, against.code(&id).await?, &cache_dir).await?;
            all.breaks.extend(found.breaks);
            all.warnings.extend(found.warnings);
        }
        Ok(all)
    }

    /// The components that are compared.
    fn ids(&self, app: &App, against: &Against<'_>) -> anyhow::Result<Vec<String>> {
        if let Some(id) = &self.component {
            return Ok(vec![id.clone()]);
        }
        let run: Vec<String> = app
            .components
            .values()
            .filter(|component| component.runs_here())
            .map(|component| component.id.clone())
            .collect();
        ensure!(
            against.is_of_several() || run.len() == 1,
            "name the component to compare `{}` with; there are {}",
            self.against,
            run.join(", ")
        );
        Ok(run)
    }

    fn show(&self, findings: &Findings) {
        for warning in &findings.warnings {
            tracing::warn!("{warning}");
        }
        if self.json {
            let breaks: Vec<_> = findings
                .breaks
                .iter()
                .map(|one| json!({ "at": one.at, "reason": one.reason }))
                .collect();
            print(&format!(
                "{:#}",
                json!({
                    "compatible": breaks.is_empty(),
                    "breaks": breaks,
                    "warnings": findings.warnings,
                })
            ));
            return;
        }
        findings.breaks.iter().for_each(|one| print(&one.to_string()));
        match findings.breaks.len() {
            0 => print("compatible"),
            1 => print("1 change would break those who use the old contract"),
            count => print(&format!("{count} changes would break those who use the old contract")),
        }
    }
}

/// Prints a result of the command.
#[expect(clippy::print_stdout, reason = "results, unlike logs, are for other programs, too")]
fn print(text: &str) {
    println!("{text}");
}
