//! Which application a command is about.

use super::ManifestError;
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};
use tessera_manifest::{App, FILE_NAME};

/// Folders above the working directory that are searched for a manifest.
const FOLDERS_ABOVE_MAX: usize = 20;

/// Which application a command is about.
#[derive(Debug, Args)]
pub(crate) struct Application {
    /// The manifest, its directory, or a component without a manifest, which then serves all
    /// requests [default: `spin.toml` in the working directory, or in one above it in the same Git
    /// repository].
    #[arg(short = 'f', long = "from", aliases = ["file", "from-file"], value_name = "PATH")]
    from: Option<PathBuf>,
    /// The build profile: what components have in `profile.<name>` replaces what they have otherwise.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Application {
    /// Read its manifest.
    pub(super) fn load(&self) -> anyhow::Result<App> {
        let path = self.path()?;
        let app = if is_code(&path) {
            tessera_manifest::without_manifest(&path)
        } else {
            tessera_manifest::load_with_profile(&path, self.profile.as_deref())
        };
        app.map_err(|errors| ManifestError(errors).into())
    }

    /// The path of the manifest or the component, absolute.
    fn path(&self) -> anyhow::Result<PathBuf> {
        let path = match &self.from {
            None => found_above().unwrap_or_else(|| FILE_NAME.into()),
            Some(folder) if folder.is_dir() => folder.join(FILE_NAME),
            Some(file) => file.clone(),
        };
        std::path::absolute(&path).with_context(|| format!("invalid path: {}", path.display()))
    }
}

/// The manifest in the working directory, or in the next folder above it that has one. The search
/// ends at the root of a Git repository.
fn found_above() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let mut folders = here.ancestors().take(FOLDERS_ABOVE_MAX);
    let found = folders.find(|folder| is_root(folder) || folder.join(FILE_NAME).is_file())?;
    let path = Some(found.join(FILE_NAME)).filter(|path| path.is_file())?;
    if found != here {
        tracing::info!("there is no {FILE_NAME} here: using {}", path.display());
    }
    Some(path)
}

fn is_root(folder: &Path) -> bool {
    folder.join(".git").is_dir()
}

fn is_code(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm" || extension == "wat")
}
