//! `tessera registry pull`.

use super::print;
use crate::application;
use crate::commands::up::working_state_dir;
use crate::commands::verify::Verify;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Pull an application from a registry. A later `tessera up --from-registry` in the same directory
/// can start it without the registry.
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// The name in the registry, for example `ghcr.io/me/app:v1`, or with a digest,
    /// `ghcr.io/me/app@sha256:…`.
    reference: String,
    /// Reach the registry without TLS.
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Where the application is kept [default: `.tessera/cache` in the working directory].
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    #[command(flatten)]
    verify: Verify,
}

impl Pull {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let cache_dir = match self.cache_dir {
            Some(folder) => folder,
            None => working_state_dir()?.join("cache"),
        };
        let cache_dir = std::path::absolute(cache_dir)?;
        let key = self.verify.key()?;
        let pull = application::Pull {
            reference: &self.reference,
            insecure: self.insecure,
            cache_dir: &cache_dir,
            key: key.as_ref(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let pulled = runtime.block_on(application::pull(&pull))?;
        print(&format!("Successfully pulled the app from the registry ({})", pulled.digest));
        Ok(ExitCode::SUCCESS)
    }
}
