//! `tessera registry push`.

use super::{Application, print};
use crate::application::{self, Pushed};
use crate::commands::build::build_all;
use crate::commands::{default_state_dir, name_and_value};
use clap::Args;
use clap::builder::BoolishValueParser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Spin's variable for archives.
const ARCHIVES: &str = "SPIN_OCI_ARCHIVE_LAYERS";

/// Push an application to a registry, so that `spin up` and `tessera up` can start it from there.
///
/// A file with the extension `wasm` or `wat` is pushed as a single component, in the format of `wkg
/// oci push`. What the registry has is not sent again.
#[derive(Debug, Args)]
pub(super) struct Push {
    /// The name in the registry, for example `ghcr.io/me/app:v1`.
    reference: String,
    #[command(flatten)]
    application: Application,
    /// Reach the registry without TLS.
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Compose components with their dependencies, so that hosts without dependencies can run them,
    /// too. With `--compose=false`, this host keeps the links between components, and stock Spin
    /// composes them when it starts.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true",
          action = clap::ArgAction::Set)]
    compose: bool,
    /// Build all components first.
    #[arg(long, env = "SPIN_ALWAYS_BUILD", value_parser = BoolishValueParser::new())]
    build: bool,
    /// Where downloads are kept [default: `cache` in the state directory].
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// An annotation of the manifest. It replaces one that is derived from the application: title,
    /// description, version, authors and time. Can be repeated.
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = name_and_value)]
    annotations: Vec<(String, String)>,
}

impl Push {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (what, cache_dir) = self.what()?;
        let push = application::Push {
            reference: &self.reference,
            insecure: self.insecure,
            cache_dir: &cache_dir,
            annotations: self.annotations.into_iter().collect(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(application::push(what, &push))?;
        tracing::debug!("{} parts were sent", outcome.uploads);
        print(&format!("Pushed with digest {}", outcome.digest));
        Ok(ExitCode::SUCCESS)
    }

    /// What is pushed, and where downloads for it are kept.
    fn what(&self) -> anyhow::Result<(Pushed, PathBuf)> {
        let app = self.application.load()?;
        if self.build {
            build_all(&app, true)?;
        }
        let cache_dir = self.cache_dir.clone();
        let cache_dir = cache_dir.unwrap_or_else(|| default_state_dir(&app).join("cache"));
        let cache_dir = std::path::absolute(cache_dir)?;
        if let Some(file) = self.application.code()? {
            return Ok((Pushed::Component(file), cache_dir));
        }
        if let Some(warnings) = app.origin.errors(tessera_manifest::warnings(&app)) {
            tracing::warn!("{}", format!("{warnings:#}").trim_end());
        }
        let what = Pushed::Application {
            app: Box::new(app),
            compose: self.compose,
            archives: wants_archives(),
        };
        Ok((what, cache_dir))
    }
}

#[expect(clippy::disallowed_methods, reason = "Spin has only the variable, and no flag")]
fn wants_archives() -> bool {
    std::env::var_os(ARCHIVES).is_some()
}
