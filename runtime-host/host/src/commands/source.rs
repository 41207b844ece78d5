//! Which application a command is about.

use super::ManifestError;
use crate::oci::Reference;
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};
use tessera_manifest::{App, FILE_NAME};

/// Folders above the working directory that are searched for a manifest.
const FOLDERS_ABOVE_MAX: usize = 20;

/// Which application a command is about.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Application {
    /// The manifest, its directory, a component without a manifest, which then serves all requests,
    /// or, for `tessera up`, the name of an application in a registry [default: `spin.toml` in the working directory, or in one above it in the same Git
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

    /// The application at this path, instead of the one that was asked for.
    pub(super) fn load_from(path: &Path) -> anyhow::Result<App> {
        Self { from: Some(path.to_owned()), profile: None }.load()
    }

    /// The name of an application in a registry, if `--from` is one and not a path.
    pub(super) fn in_registry(&self) -> Option<String> {
        let from = self.from.as_ref()?;
        let text = from.to_str().filter(|text| Reference::is_likely(text) && !from.exists())?;
        Some(text.to_owned())
    }

    /// The component, if it is one without a manifest.
    pub(super) fn code(&self) -> anyhow::Result<Option<PathBuf>> {
        Ok(Some(self.path()?).filter(|path| is_code(path)))
    }

    /// What was asked for, if not the default.
    pub(super) fn from(&self) -> Option<&Path> {
        self.from.as_deref()
    }

    /// The build profile, if one was chosen.
    pub(super) fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// Whether a build profile was chosen.
    pub(super) fn has_profile(&self) -> bool {
        self.profile.is_some()
    }

    /// The path of the manifest or the component, absolute.
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
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
