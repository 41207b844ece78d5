//! Applications in registries, as `spin registry push` and `tessera registry push` put them there.
//!
//! What is pulled is kept by its digest, beside other downloads. The application gets a temporary
//! folder with its files and a manifest, so that the rest of the host knows no other applications
//! than those of a folder.

mod archive;
mod files;
mod locked;
mod manifest;
mod signed;
mod source;

use super::sources::KEPT_MAX_BYTES;
use super::sources::downloads::Downloads;
use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::oci::{Access, Credentials, Manifest, Protocol, Reference, Repository, VerifyKey};
use crate::oci::{digest_of, is_digest};
use anyhow::{Context as _, ensure};
pub(super) use archive::MEDIA_TYPE as ARCHIVE_MEDIA_TYPE;
use locked::Locked;
pub(super) use locked::{FLAGS, SETTINGS, TESSERA};
use source::Source;
pub(super) use source::{CONFIG_MAX_BYTES, explain};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Maximum number of parts of an application.
const LAYERS_MAX: usize = 10_000;

/// An application that was pulled. Its folder is removed when this is dropped.
pub(crate) struct Pulled {
    /// Its manifest, or a component without one.
    pub(crate) path: PathBuf,
    /// The digest of the artifact.
    pub(crate) digest: String,
    _folder: TempDir,
}

/// The code of a component that was pulled.
pub(crate) struct PulledComponent {
    pub(crate) code: Vec<u8>,
    /// The name of the artifact, with its digest.
    pub(crate) origin: String,
}

/// What to pull, and how.
#[derive(Debug)]
pub(crate) struct Pull<'a> {
    pub(crate) reference: &'a str,
    /// Whether the registry has no TLS.
    pub(crate) insecure: bool,
    pub(crate) cache_dir: &'a Path,
    /// The key of which the artifact must have a signature.
    pub(crate) key: Option<&'a VerifyKey>,
}

/// Pulls an application.
pub(crate) async fn pull(pull: &Pull<'_>) -> anyhow::Result<Pulled> {
    let reference = reference(pull.reference)?;
    let work = async {
        let client = Client::new(None, &OutboundPolicy::default())?;
        let source = source(&client, &reference, pull).await?;
        let (manifest, digest) = source.artifact(pull.key).await?;
        let folder = tempfile::tempdir()?;
        let (path, needed) = match manifest.application() {
            Some(config) => source.application(config, &manifest, folder.path()).await?,
            None => source.component(&manifest).await?,
        };
        source.downloads.make_room(&needed, KEPT_MAX_BYTES);
        anyhow::Ok(Pulled { path, digest, _folder: folder })
    };
    work.await.with_context(|| format!("the application {} can't be pulled", pull.reference))
}

/// Pulls the code of one component: that with this id in an application, or a single component.
pub(crate) async fn pull_component(id: &str, pull: &Pull<'_>) -> anyhow::Result<PulledComponent> {
    let reference = reference(pull.reference)?;
    let work = async {
        let client = Client::new(None, &OutboundPolicy::default())?;
        let source = source(&client, &reference, pull).await?;
        let (manifest, digest) = source.artifact(pull.key).await?;
        let (file, needed) = match manifest.application() {
            Some(config) => source.component_of(id, config, &manifest).await?,
            None => source.component(&manifest).await?,
        };
        let code = fs::read(&file).with_context(|| file.display().to_string())?;
        source.downloads.make_room(&needed, KEPT_MAX_BYTES);
        let name = pull.reference.split('@').next().unwrap_or(pull.reference);
        anyhow::Ok(PulledComponent { code, origin: format!("{name}@{digest}") })
    };
    work.await.with_context(|| format!("the component can't be pulled from {}", pull.reference))
}

fn reference(text: &str) -> anyhow::Result<Reference> {
    let has_digest = text.split_once('@').is_some_and(|(_, digest)| !is_digest(digest));
    ensure!(
        !has_digest,
        "`{text}` has no valid digest: write `@sha256:` and 64 hexadecimal digits in lower case"
    );
    Reference::parse(text).with_context(|| {
        format!(
            "`{text}` is not the name of an application in a registry: write `registry/name:tag`, \
             for example `ghcr.io/me/app:v1`"
        )
    })
}

async fn source<'a>(
    client: &'a Client,
    reference: &'a Reference,
    pull: &Pull<'a>,
) -> anyhow::Result<Source<'a>> {
    let downloads = Downloads::open(pull.cache_dir)?;
    let protocol = if pull.insecure { Protocol::Http } else { Protocol::Https };
    let address = reference.address(protocol);
    let credentials = credentials(&address.registry).await?;
    let repository = Repository::new(client, &address, Access::Pull, credentials)?;
    Ok(Source { reference, repository, downloads, cache_dir: pull.cache_dir })
}

/// Those of `tessera registry login` and `spin registry login`, or else those of Docker.
pub(super) async fn credentials(registry: &str) -> anyhow::Result<Option<Credentials>> {
    match Credentials::of_spin(registry)? {
        Some(credentials) => Ok(Some(credentials)),
        None => Credentials::of_docker(registry).await,
    }
}

impl Source<'_> {
    /// The manifest and the digest of the artifact, whose signature is checked with the key.
    async fn artifact(&self, key: Option<&VerifyKey>) -> anyhow::Result<(Manifest, String)> {
        let manifest = self.manifest(&self.reference.version).await?;
        let digest = digest_of(&manifest);
        if let Some(key) = key {
            self.check_signature(key, &digest).await?;
        }
        let manifest = Manifest::parse(&manifest)?;
        ensure!(manifest.layers.len() <= LAYERS_MAX, "it has more than {LAYERS_MAX} layers");
        Ok((manifest, digest))
    }
}
