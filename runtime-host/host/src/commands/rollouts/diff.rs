//! `tessera diff`.

use super::{block_on, encoded, print};
use crate::commands::admin_client::RunningHost;
use crate::rollouts::Diff as Found;
use clap::Args;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Show what differs between two revisions of a component: their code, imports, exports and
/// configuration.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    component: String,
    /// The first digits of a revision [default: the stable one, or the one before it if no rollout is
    /// in progress].
    #[arg(value_name = "REVISION")]
    from: Option<String>,
    /// Those of the other one [default: the candidate, or else the stable revision].
    #[arg(value_name = "REVISION")]
    to: Option<String>,
    #[command(flatten)]
    host: RunningHost,
}

impl Diff {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(async {
            let mut path = format!("/components/{}/diff?", encoded(&self.component));
            for (name, value) in [("from", &self.from), ("to", &self.to)] {
                if let Some(value) = value {
                    let _ = write!(path, "{name}={}&", encoded(value));
                }
            }
            let found: Found = self.host.connect()?.get(path.trim_end_matches(['&', '?'])).await?;
            found.lines().iter().for_each(|line| print(line));
            Ok(ExitCode::SUCCESS)
        })
    }
}
