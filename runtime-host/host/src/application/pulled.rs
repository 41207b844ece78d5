//! Applications in registries, as `spin registry push` puts them there.
//!
//! What is pulled is kept by its digest, beside other downloads. The application gets a temporary
//! folder with its files and a manifest, so that the rest of the host knows no other applications
//! than those of a folder.

mod archive;
mod files;
mod locked;
mod manifest;

use super::sources::downloads::Downloads;
use super::sources::{DOWNLOAD_MAX_BYTES, DOWNLOAD_TIMEOUT, DOWNLOADS_MAX, KEPT_MAX_BYTES};
use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::oci::{Credentials, Descriptor, Error, Manifest, Protocol, Reference, Repository};
use crate::private_file;
use anyhow::{Context as _, anyhow, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use locked::Locked;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::time::timeout;

/// Maximum size of the configuration of an application.
const CONFIG_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Maximum number of parts of an application.
const LAYERS_MAX: usize = 10_000;

/// An application that was pulled. Its folder is removed when this is dropped.
pub(crate) struct Pulled {
    /// Its manifest, or a component without one.
    pub(crate) path: PathBuf,
    _folder: TempDir,
}

/// What to pull, and how.
#[derive(Debug)]
pub(crate) struct Pull<'a> {
    pub(crate) reference: &'a str,
    /// Whether the registry has no TLS.
    pub(crate) insecure: bool,
    pub(crate) cache_dir: &'a Path,
}

/// Pulls an application.
pub(crate) async fn pull(pull: &Pull<'_>) -> anyhow::Result<Pulled> {
    let text = pull.reference;
    let reference = Reference::parse(text).with_context(|| {
        format!(
            "`{text}` is not the name of an application in a registry: write `registry/name:tag`, \
             for example `ghcr.io/me/app:v1`"
        )
    })?;
    let pulled = from_registry(&reference, pull).await;
    pulled.with_context(|| format!("the application {text} can't be pulled"))
}

async fn from_registry(reference: &Reference, pull: &Pull<'_>) -> anyhow::Result<Pulled> {
    let downloads = Downloads::open(pull.cache_dir)?;
    let client = Client::new(None, &OutboundPolicy::default())?;
    let protocol = if pull.insecure { Protocol::Http } else { Protocol::Https };
    let address = reference.address(protocol);
    let credentials = credentials(&address.registry).await?;
    let repository = Repository::new(&client, &address, credentials)?;
    let source = Source { reference, repository, downloads };
    let manifest = Manifest::parse(&source.manifest(pull).await?)?;
    ensure!(manifest.layers.len() <= LAYERS_MAX, "it has more than {LAYERS_MAX} layers");
    let folder = tempfile::tempdir()?;
    let (path, needed) = match manifest.application() {
        Some(config) => source.application(config, &manifest, folder.path()).await?,
        None => source.component(&manifest).await?,
    };
    source.downloads.make_room(&needed, KEPT_MAX_BYTES);
    Ok(Pulled { path, _folder: folder })
}

/// Those of `spin registry login`, or else those of Docker.
async fn credentials(registry: &str) -> anyhow::Result<Option<Credentials>> {
    match Credentials::of_spin(registry)? {
        Some(credentials) => Ok(Some(credentials)),
        None => Credentials::of_docker(registry).await,
    }
}

/// Where an application comes from.
struct Source<'a> {
    reference: &'a Reference,
    repository: Repository<'a>,
    downloads: Downloads,
}

impl Source<'_> {
    /// The text of the manifest. A tag may have another one each time; if the registry can't be
    /// reached, the last one is used.
    async fn manifest(&self, pull: &Pull<'_>) -> anyhow::Result<Vec<u8>> {
        let folder = pull.cache_dir.join("applications");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let Reference { registry, repository, version, .. } = self.reference;
        let name = format!("{registry}/{repository}:{version}");
        let kept = folder.join(utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string());
        if self.reference.is_fixed()
            && let Ok(manifest) = fs::read(&kept)
            && crate::oci::digest_of(&manifest) == *version
        {
            return Ok(manifest);
        }
        tracing::info!("pulling {name}");
        match self.repository.manifest(version).await {
            Ok(manifest) => {
                private_file::write(&kept, &manifest)?;
                Ok(manifest.to_vec())
            }
            Err(error @ Error::Unavailable(_)) if kept.exists() => {
                tracing::warn!("{name} may have changed: {error}. The last one is used");
                fs::read(&kept).with_context(|| kept.display().to_string())
            }
            Err(error) => Err(explain(&error, registry)),
        }
    }

    /// An application of Spin: its manifest, and what it needs of the downloads.
    async fn application(
        &self,
        config: &Descriptor,
        manifest: &Manifest,
        folder: &Path,
    ) -> anyhow::Result<(PathBuf, BTreeSet<PathBuf>)> {
        let size = usize::try_from(config.size).unwrap_or(usize::MAX);
        ensure!(
            size <= CONFIG_MAX_BYTES,
            "its configuration has more than {CONFIG_MAX_BYTES} bytes"
        );
        let config = self.get(config).await?;
        let locked = Locked::parse(&fs::read(&config)?)?;
        self.fetch(&locked.digests(), manifest).await?;
        let mut needed = BTreeSet::from([config]);
        let mut file = |digest: &str| {
            let file = self.downloads.kept(digest);
            let file = file.with_context(|| format!("it lacks the content {digest}"))?;
            needed.insert(file.clone());
            anyhow::Ok(file)
        };
        let files = folder.join("files");
        files::place(&locked, &files, &mut file)?;
        let text = manifest::of(&locked, &files, &mut file)?;
        let path = folder.join(tessera_manifest::FILE_NAME);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok((path, needed))
    }

    /// A package with one component, which serves all requests.
    async fn component(&self, manifest: &Manifest) -> anyhow::Result<(PathBuf, BTreeSet<PathBuf>)> {
        let file = self.get(manifest.package_code()?).await?;
        Ok((file.clone(), BTreeSet::from([file])))
    }

    /// Downloads what is not here. What is no layer of its own is in an archive.
    async fn fetch(&self, digests: &BTreeSet<String>, manifest: &Manifest) -> anyhow::Result<()> {
        let missing = |digest: &&String| self.downloads.kept(digest).is_none();
        let missing: BTreeSet<String> = digests.iter().filter(missing).cloned().collect();
        let layers = manifest.layers.iter().filter(|layer| missing.contains(&layer.digest));
        let jobs = layers.map(|layer| self.get(layer));
        let jobs = futures::stream::iter(jobs).buffer_unordered(DOWNLOADS_MAX);
        jobs.try_for_each(|_| async { Ok(()) }).await?;
        let is_layer = |digest: &String| manifest.layers.iter().any(|one| one.digest == *digest);
        let mut rest: BTreeSet<String> =
            missing.into_iter().filter(|digest| !is_layer(digest)).collect();
        for layer in manifest.layers.iter().filter(|layer| archive::is_one(layer)) {
            if rest.is_empty() {
                break;
            }
            let file = fs::File::open(self.get(layer).await?)?;
            archive::read(file, |digest, bytes| {
                if rest.remove(digest) {
                    self.downloads.keep(digest, bytes).map(drop)
                } else {
                    Ok(())
                }
            })?;
        }
        if let Some(digest) = rest.first() {
            bail!("its configuration names the content {digest}, which it does not have");
        }
        Ok(())
    }

    /// The file of a part.
    async fn get(&self, part: &Descriptor) -> anyhow::Result<PathBuf> {
        if let Some(file) = self.downloads.kept(&part.digest) {
            return Ok(file);
        }
        let blob = timeout(DOWNLOAD_TIMEOUT, self.repository.blob(part, DOWNLOAD_MAX_BYTES)).await;
        let seconds = DOWNLOAD_TIMEOUT.as_secs();
        let blob = blob.with_context(|| format!("a download takes more than {seconds} s"))?;
        let bytes = blob.map_err(|error| explain(&error, &self.reference.registry))?;
        self.downloads.keep(&part.digest, &bytes)
    }
}

/// An error with what to do about it.
fn explain(error: &Error, registry: &str) -> anyhow::Error {
    match error {
        Error::NotFound(_) => anyhow!("{error}: check its name and its tag"),
        Error::Denied(_) => anyhow!(
            "{error}: check its name. If it is not public, run `spin registry login {registry}` or \
             `docker login {registry}`"
        ),
        Error::Unavailable(_) => anyhow!(
            "{error}: check the name of the registry and the network connection. A registry \
             without TLS needs `--insecure`"
        ),
        Error::Invalid(_) => anyhow!("{error}"),
    }
}
