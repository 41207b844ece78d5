//! The feature flags of an application: which file defines them.

use crate::feature_flags::FeatureFlags;
use std::path::Path;
use std::sync::Arc;
use tessera_manifest::App;

/// The flags of the file that the manifest names, and those of operators.
pub(super) fn open(app: &App, state_dir: &Path) -> anyhow::Result<Arc<FeatureFlags>> {
    let file = app.settings.flags.as_ref().map(|file| app.folder.join(file));
    Ok(Arc::new(FeatureFlags::open(file.as_deref(), state_dir)?))
}
