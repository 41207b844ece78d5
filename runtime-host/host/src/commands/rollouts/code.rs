//! The code that is deployed: of a file, of the manifest, or of a registry.

use crate::application::{Pull, pull_component};
use crate::commands::Application;
use crate::commands::up::working_state_dir;
use crate::commands::verify::Verify;
use crate::oci::Reference;
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use tessera_manifest::Source;

/// Where the code of a component is.
#[derive(Debug, Args)]
pub(super) struct CodeSource {
    /// The file with the code, or its name in a registry: a single component, or an application that
    /// has the component, for example `ghcr.io/me/app:v1` [default: the `source` of the component in
    /// the manifest].
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// Reach the registry without TLS.
    #[arg(short = 'k', long, requires = "from")]
    insecure: bool,
    #[command(flatten)]
    verify: Verify,
    /// The manifest, or its directory, that names the code.
    #[arg(short = 'f', long, value_name = "PATH", conflicts_with_all = ["from", "revision"])]
    manifest: Option<PathBuf>,
}

/// Code, and where it comes from.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) bytes: Vec<u8>,
    /// The name in a registry, with the digest.
    pub(super) origin: Option<String>,
}

impl CodeSource {
    /// The code of a component.
    pub(super) async fn read(&self, component: &str) -> anyhow::Result<Code> {
        let key = self.verify.key()?;
        let from = self.from.as_deref();
        let in_registry = from.filter(|from| !Path::new(from).exists());
        if let Some(reference) = in_registry.filter(|from| Reference::is_likely(from)) {
            let cache_dir = std::path::absolute(working_state_dir()?.join("cache"))?;
            let (insecure, key) = (self.insecure, key.as_ref());
            let pull = Pull { reference, insecure, cache_dir: &cache_dir, key };
            let pulled = pull_component(component, &pull).await?;
            return Ok(Code { bytes: pulled.code, origin: Some(pulled.origin) });
        }
        ensure!(key.is_none(), "--verify-key: the code is not in a registry");
        ensure!(!self.insecure, "--insecure: the code is not in a registry");
        let path = from.map_or_else(|| self.source(component), |from| Ok(from.into()))?;
        let bytes = fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
        Ok(Code { bytes, origin: None })
    }

    /// The file that the manifest names.
    fn source(&self, id: &str) -> anyhow::Result<PathBuf> {
        let app = match &self.manifest {
            Some(path) => Application::load_from(path)?,
            None => Application::default().load()?,
        };
        let component = app.components.get(id);
        let component = component.with_context(|| {
            let known = app.components.keys().cloned().collect::<Vec<_>>().join(", ");
            format!("the manifest has no component `{id}`; there are {known}")
        })?;
        match &component.source {
            Source::Local(path) => Ok(path.clone()),
            Source::Remote { .. } | Source::Registry { .. } => {
                bail!("the source of `{id}` is not a file: name one with --from")
            }
        }
    }
}
