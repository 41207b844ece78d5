//! Applications that are in a registry and not in a folder.

use super::State;
use crate::application::{Pull, Pulled, pull};
use crate::commands::Application;
use crate::commands::verify::Verify;
use anyhow::{Context as _, ensure};
use clap::Args;
use std::path::PathBuf;

/// The application of a registry.
#[derive(Debug, Args)]
pub(super) struct FromRegistry {
    /// Start an application of a registry, which `spin registry push` has put there, for example
    /// `ghcr.io/me/app:v1`. `--from` takes such names, too. The application is kept in
    /// `--cache-dir`, and its state in `.tessera` in the working directory.
    #[arg(long, value_name = "REFERENCE", conflicts_with = "from")]
    from_registry: Option<String>,
    /// Reach the registry of the application without TLS.
    #[arg(short = 'k', long)]
    insecure: bool,
    #[command(flatten)]
    verify: Verify,
}

impl FromRegistry {
    /// Pulls the application if it is in a registry.
    pub(super) async fn pull(
        &self,
        application: &Application,
        state: &State,
    ) -> anyhow::Result<Option<Pulled>> {
        let inferred = || application.in_registry();
        let Some(reference) = self.from_registry.clone().or_else(inferred) else {
            ensure!(
                self.verify.key()?.is_none(),
                "--verify-key: the application is not in a registry, so it has no signature"
            );
            if self.insecure {
                tracing::warn!("--insecure has no effect: the application is not in a registry");
            }
            return Ok(None);
        };
        ensure!(
            !application.has_profile(),
            "--profile: an application in a registry was built with one profile: leave it out"
        );
        let cache_dir = match (&state.cache_dir, &state.state_dir) {
            (Some(folder), _) => folder.clone(),
            (None, Some(folder)) if !folder.as_os_str().is_empty() => folder.join("cache"),
            _ => state_dir()?.join("cache"),
        };
        let cache_dir = std::path::absolute(cache_dir)?;
        let (insecure, key) = (self.insecure, self.verify.key()?);
        let key = key.as_ref();
        let pulling = Pull { reference: &reference, insecure, cache_dir: &cache_dir, key };
        pull(&pulling).await.map(Some)
    }
}

/// The state directory of an application without a folder.
pub(in crate::commands) fn state_dir() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("there is no working directory")?;
    Ok(here.join(".tessera"))
}
