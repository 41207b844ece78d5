//! New revisions of components of a running host: `tessera deploy`, `status`, `promote`, `rollback`
//! and `history`.

mod code;
mod deploy;
mod diff;
mod history;
mod status;
mod wait;

pub(crate) use deploy::Deploy;
pub(crate) use diff::Diff;

use super::admin_client::{Connection, RunningHost};
use crate::rollouts::{ComponentView, RevisionId};
use anyhow::Context as _;
use clap::Args;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::process::ExitCode;

/// Show the revisions of components that serve calls, and the rollouts in progress.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only this component.
    component: Option<String>,
    #[command(flatten)]
    host: RunningHost,
}

/// Show what happened to the revisions of a component.
#[derive(Debug, Args)]
pub(crate) struct History {
    component: String,
    #[command(flatten)]
    host: RunningHost,
}

/// Give the candidate of a rollout all calls.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    change: Change,
}

/// End a rollout, or, if none is in progress, take the revision back that was stable before.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    change: Change,
}

/// A change of a component.
#[derive(Debug, Args)]
struct Change {
    component: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    host: RunningHost,
}

/// Who makes a change.
#[derive(Debug, Args)]
pub(super) struct By {
    /// Who does this, for the history.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(super) by: String,
}

#[derive(Deserialize)]
struct Listed {
    components: Vec<ComponentView>,
}

#[derive(Deserialize)]
struct Changed {
    revision: RevisionId,
}

impl Status {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(async {
            let mut all = self.host.connect()?.revisions().await?;
            if let Some(id) = &self.component {
                all = vec![find(all, id)?];
            }
            for component in &all {
                status::lines(component).iter().for_each(|line| print(line));
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl History {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(async {
            let component = self.host.connect()?.component(&self.component).await?;
            for entry in &component.history {
                print(&history::line(entry));
            }
            if component.history.is_empty() {
                print(&format!("`{}` is as in the manifest", component.id));
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Promote {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.change.run("promote")
    }
}

impl Rollback {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.change.run("rollback")
    }
}

impl Change {
    fn run(self, verb: &str) -> anyhow::Result<ExitCode> {
        block_on(async {
            let (id, by) = (&self.component, encoded(&self.by.by));
            let host = self.host.connect()?;
            let component = host.component(id).await?;
            // What the operator sees: it may change before the request arrives.
            let of = component.rollout.map_or(component.stable, |rollout| rollout.candidate);
            let path = format!("/components/{}/{verb}?by={by}&of={}", encoded(id), of.as_str());
            let answer = host.json(Method::POST, &path, String::new()).await?;
            let Changed { revision } = serde_json::from_slice(answer.body())?;
            if answer.status() == StatusCode::ACCEPTED {
                return wait::until_decided(&host, id, &revision).await;
            }
            print(&format!("`{id}`: revision {revision} has all calls"));
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Connection {
    async fn revisions(&self) -> anyhow::Result<Vec<ComponentView>> {
        Ok(self.get::<Listed>("/revisions").await?.components)
    }

    async fn component(&self, id: &str) -> anyhow::Result<ComponentView> {
        find(self.revisions().await?, id)
    }
}

fn find(all: Vec<ComponentView>, id: &str) -> anyhow::Result<ComponentView> {
    let known = all.iter().map(|one| one.id.clone()).collect::<Vec<_>>().join(", ");
    let found = all.into_iter().find(|one| one.id == id);
    found.with_context(|| format!("no component `{id}` runs; there are {known}"))
}

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Prints a result of the command.
#[expect(clippy::print_stdout, reason = "results, unlike logs, are for other programs, too")]
pub(super) fn print(text: &str) {
    println!("{text}");
}
