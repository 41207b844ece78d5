//! The feature flags of an application: which file defines them.

use crate::feature_flags::{FeatureFlags, text_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_manifest::App;

/// The flags of the file that the manifest names, and those of operators.
pub(super) fn open(app: &App, state_dir: &Path) -> anyhow::Result<Arc<FeatureFlags>> {
    Ok(Arc::new(FeatureFlags::open(file(app).as_deref(), state_dir)?))
}

/// The text of the file that the manifest names, if it names one.
pub(super) fn text(app: &App) -> anyhow::Result<Option<String>> {
    file(app).as_deref().map(text_of).transpose()
}

fn file(app: &App) -> Option<PathBuf> {
    app.settings.flags.as_ref().map(|file| app.folder.join(file))
}
