//! What the application is read from: when it starts, and when it is reloaded.

use super::selection;
use crate::commands::Application;
use std::path::PathBuf;
use tessera_manifest::App;

/// A manifest, and the components of it that are wanted.
pub(super) struct Manifest {
    pub(super) application: Application,
    /// The manifest of an application that was pulled from a registry.
    pub(super) pulled: Option<PathBuf>,
    pub(super) component_ids: Vec<String>,
}

impl Manifest {
    /// The application, as far as it is to be started.
    pub(super) fn load(&self) -> anyhow::Result<App> {
        let mut app = match &self.pulled {
            Some(path) => Application::load_from(path)?,
            None => self.application.load()?,
        };
        if !self.component_ids.is_empty() {
            selection::keep(&mut app, &self.component_ids)?;
        }
        Ok(app)
    }
}
