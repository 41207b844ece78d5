//! Where the output of components goes: to the log, and to files.

use crate::engine::OutputSinks;
use crate::telemetry::{LogFile, OutputSink};
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_manifest::App;

/// What the operator chose.
#[derive(Debug, Default)]
pub(crate) struct GuestOutputOptions {
    /// The components whose output is in the log; none means all of them.
    pub(crate) logged: Option<Vec<String>>,
    /// The directory of the files. An empty path means none; without one, the runtime configuration
    /// decides.
    pub(crate) log_dir: Option<PathBuf>,
    /// Whether existing files are emptied.
    pub(crate) truncate: bool,
}

/// Where the output of each component goes.
pub(super) struct Outputs<'a> {
    options: &'a GuestOutputOptions,
    folder: Option<PathBuf>,
}

impl<'a> Outputs<'a> {
    /// Creates the directory of the files. `configured` is that of the runtime configuration.
    pub(super) fn new(
        app: &App,
        options: &'a GuestOutputOptions,
        configured: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let unknown = options.logged.iter().flatten().find(|id| !app.components.contains_key(*id));
        if let Some(id) = unknown {
            let known = app.components.keys().cloned().collect::<Vec<_>>().join(", ");
            anyhow::bail!("--follow: no component `{id}`; there are {known}");
        }
        let folder = options.log_dir.as_deref().or(configured);
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map(std::path::absolute).transpose()?;
        if let Some(folder) = &folder {
            let shown = folder.display();
            fs::create_dir_all(folder)
                .with_context(|| format!("the log directory {shown} can't be created"))?;
            tracing::info!("the output of components is also in {shown}");
        } else {
            ensure!(!options.truncate, "--truncate-logs: there is no --log-dir");
        }
        Ok(Self { options, folder })
    }

    /// Where the output of this component goes.
    pub(super) fn of(&self, id: &str) -> anyhow::Result<OutputSinks> {
        let logged = self.options.logged.as_ref();
        let logged = logged.is_none_or(|ids| ids.iter().any(|one| one == id));
        let sink = |stream| anyhow::Ok(OutputSink { logged, file: self.file(id, stream)? });
        Ok(OutputSinks { stdout: sink("stdout")?, stderr: sink("stderr")? })
    }

    fn file(&self, id: &str, stream: &str) -> anyhow::Result<Option<Arc<LogFile>>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let file = LogFile::open(folder, &format!("{id}_{stream}"), self.options.truncate);
        let file = file.with_context(|| {
            format!("the files for the output of components in {} can't be used", folder.display())
        });
        Ok(Some(Arc::new(file?)))
    }
}
