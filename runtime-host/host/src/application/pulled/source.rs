//! The repository that an application comes from, and what was downloaded of it before.

use super::super::sources::downloads::Downloads;
use super::super::sources::{DOWNLOAD_MAX_BYTES, DOWNLOAD_TIMEOUT, DOWNLOADS_MAX};
use super::{Locked, archive, files, manifest};
use crate::oci::{Descriptor, Error, Manifest, Reference, Repository, digest_of, is_digest};
use crate::private_file;
use anyhow::{Context as _, anyhow, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::timeout;

/// Maximum size of the configuration of an application.
pub(in crate::application) const CONFIG_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Where an application comes from.
pub(super) struct Source<'a> {
    pub(super) reference: &'a Reference,
    pub(super) repository: Repository<'a>,
    pub(super) downloads: Downloads,
    pub(super) cache_dir: &'a Path,
}

impl Source<'_> {
    /// The text of a manifest. A tag may have another one each time; if the registry can't be
    /// reached, the last one is used.
    pub(super) async fn manifest(&self, version: &str) -> anyhow::Result<Vec<u8>> {
        let folder = self.cache_dir.join("applications");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let Reference { registry, repository, .. } = self.reference;
        let name = format!("{registry}/{repository}:{version}");
        let kept = folder.join(utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string());
        if is_digest(version)
            && let Ok(manifest) = fs::read(&kept)
            && digest_of(&manifest) == version
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
    pub(super) async fn application(
        &self,
        config: &Descriptor,
        manifest: &Manifest,
        folder: &Path,
    ) -> anyhow::Result<(PathBuf, BTreeSet<PathBuf>)> {
        let (config, locked) = self.locked(config).await?;
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
        if let Some(flags) = locked.flags() {
            write(&folder.join(manifest::FLAGS_FILE), flags)?;
        }
        let path = folder.join(tessera_manifest::FILE_NAME);
        write(&path, &text)?;
        Ok((path, needed))
    }

    /// The code of one component of an application.
    pub(super) async fn component_of(
        &self,
        id: &str,
        config: &Descriptor,
        manifest: &Manifest,
    ) -> anyhow::Result<(PathBuf, BTreeSet<PathBuf>)> {
        let (config, locked) = self.locked(config).await?;
        let component = locked.components.iter().find(|component| component.id == id);
        let component = component.with_context(|| {
            let known: Vec<&str> = locked.components.iter().map(|one| &*one.id).collect();
            format!("the application has no component `{id}`; there are {}", known.join(", "))
        })?;
        let digest = component.source.digest()?;
        self.fetch(&BTreeSet::from([digest.to_owned()]), manifest).await?;
        let file = self.downloads.kept(digest);
        let file = file.with_context(|| format!("it lacks the content {digest}"))?;
        Ok((file.clone(), BTreeSet::from([config, file])))
    }

    /// The file of a configuration, and what it says.
    async fn locked(&self, config: &Descriptor) -> anyhow::Result<(PathBuf, Locked)> {
        let size = usize::try_from(config.size).unwrap_or(usize::MAX);
        ensure!(
            size <= CONFIG_MAX_BYTES,
            "its configuration has more than {CONFIG_MAX_BYTES} bytes"
        );
        let file = self.get(config).await?;
        let locked = Locked::parse(&fs::read(&file)?)?;
        Ok((file, locked))
    }

    /// A package with one component, which serves all requests.
    pub(super) async fn component(
        &self,
        manifest: &Manifest,
    ) -> anyhow::Result<(PathBuf, BTreeSet<PathBuf>)> {
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
    pub(super) async fn get(&self, part: &Descriptor) -> anyhow::Result<PathBuf> {
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

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}

/// An error with what to do about it.
pub(in crate::application) fn explain(error: &Error, registry: &str) -> anyhow::Error {
    match error {
        Error::NotFound(_) => anyhow!("{error}: check its name and its tag"),
        Error::Denied(_) => anyhow!(
            "{error}: check its name. If it is not public, run `tessera registry login {registry}`, \
             `spin registry login {registry}` or `docker login {registry}`"
        ),
        Error::Unavailable(_) => anyhow!(
            "{error}: check the name of the registry and the network connection. A registry \
             without TLS needs `--insecure`"
        ),
        Error::Invalid(_) => anyhow!("{error}"),
    }
}
