//! The state directory: one that is kept, or a temporary one.

use super::Options;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The state directory. A temporary one is removed when this is dropped.
pub(super) enum StateDir {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl StateDir {
    /// The operator's choice, else that of the runtime configuration, else the default. An empty
    /// path means that nothing is to be kept.
    pub(super) fn of(options: &Options, configured: Option<&Path>) -> anyhow::Result<Self> {
        let chosen = options.state_dir.as_deref().or(configured);
        let chosen = chosen.unwrap_or(&options.default_state_dir);
        if !chosen.as_os_str().is_empty() {
            return Ok(Self::Kept(chosen.to_owned()));
        }
        tracing::warn!("there is no state directory: all data are lost when the host ends");
        Ok(Self::Temporary(tempfile::Builder::new().prefix("tessera-").tempdir()?))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
