//! Puts applications and single components into registries, in the formats of `spin registry push`
//! and of `wkg oci push`.
//!
//! An artifact is prepared as a whole before anything is sent. Its manifest is sent last, so that a
//! tag never names content that the registry does not have.

mod archive;
mod artifact;
mod code;
mod files;
mod locked;
mod package;
mod raw;

use super::pulled::{credentials, explain};
use super::sources;
use super::sources::DOWNLOADS_MAX;
use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::oci::{Access, Error, Manifest, Protocol, Reference, Repository};
use anyhow::{Context as _, anyhow, ensure};
use artifact::{Artifact, Layer};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tessera_manifest::App;
use tokio::time::timeout;

/// How long the upload of one part may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// What is pushed.
pub(crate) enum Pushed {
    /// An application.
    Application {
        app: Box<App>,
        /// Whether components are composed with their dependencies.
        compose: bool,
        /// Whether files are packed into archives also if there are few of them.
        archives: bool,
    },
    /// A single component.
    Component(PathBuf),
}

/// Where and how it is pushed.
pub(crate) struct Push<'a> {
    pub(crate) reference: &'a str,
    /// Whether the registry has no TLS.
    pub(crate) insecure: bool,
    pub(crate) cache_dir: &'a Path,
    /// Annotations of the manifest, beside those that are derived from the application.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What was done.
pub(crate) struct PushOutcome {
    /// The digest of the manifest.
    pub(crate) digest: String,
    /// How many parts the registry did not have.
    pub(crate) uploads: usize,
}

/// Pushes an application or a component.
pub(crate) async fn push(what: Pushed, push: &Push<'_>) -> anyhow::Result<PushOutcome> {
    let text = push.reference;
    let reference = Reference::parse(text).with_context(|| {
        format!(
            "`{text}` is not the name of an artifact in a registry: write `registry/name:tag`, for \
             example `ghcr.io/me/app:v1`"
        )
    })?;
    ensure!(
        !reference.is_fixed(),
        "`{text}` has a digest, which is not known before a push: write a tag instead"
    );
    let folder = tempfile::tempdir()?;
    let artifact = prepare(what, push, folder.path()).await?;
    let sent = send(&reference, &artifact, push.insecure).await;
    sent.with_context(|| format!("{text} can't be pushed"))
}

async fn prepare(what: Pushed, push: &Push<'_>, folder: &Path) -> anyhow::Result<Artifact> {
    let annotations = push.annotations.clone();
    let folder = folder.to_owned();
    match what {
        Pushed::Application { mut app, compose, archives } => {
            sources::fetch(&mut app, push.cache_dir).await?;
            let build = move || artifact::of(&app, compose, archives, annotations, &folder);
            tokio::task::spawn_blocking(build).await?
        }
        Pushed::Component(path) => {
            tokio::task::spawn_blocking(move || package::of(&path, annotations)).await?
        }
    }
}

async fn send(
    reference: &Reference,
    artifact: &Artifact,
    insecure: bool,
) -> anyhow::Result<PushOutcome> {
    let client = Client::new(None, &OutboundPolicy::default())?;
    let protocol = if insecure { Protocol::Http } else { Protocol::Https };
    let address = reference.address(protocol);
    let registry = &address.registry;
    let credentials = credentials(registry).await?;
    let repository = Repository::new(&client, &address, Access::Push, credentials)?;
    let mut parts = BTreeSet::new();
    let all = artifact.parts().filter(|part| parts.insert(&part.descriptor.digest));
    let jobs = all.map(|part| async {
        let seconds = UPLOAD_TIMEOUT.as_secs();
        let sent = timeout(UPLOAD_TIMEOUT, send_part(&repository, registry, part)).await;
        sent.with_context(|| format!("the upload of one part takes more than {seconds} s"))?
    });
    let jobs: Vec<_> = jobs.collect();
    let uploads = futures::stream::iter(jobs).buffer_unordered(DOWNLOADS_MAX);
    let uploads: Vec<bool> = uploads.try_collect().await?;
    let uploads = uploads.into_iter().filter(|was_sent| *was_sent).count();
    let tag = &reference.version;
    let manifest = match same(&repository, tag, &artifact.manifest).await {
        Some(manifest) => manifest,
        None => serde_json::to_vec(&artifact.manifest)?.into(),
    };
    let put = timeout(UPLOAD_TIMEOUT, repository.put_manifest(tag, manifest)).await;
    let put = put.context("the registry does not answer")?;
    let digest = put.map_err(|error| explain_push(&error, registry))?;
    Ok(PushOutcome { digest, uploads })
}

/// Sends a part that the registry does not have. Whether it was sent.
async fn send_part(
    repository: &Repository<'_>,
    registry: &str,
    part: &Layer,
) -> anyhow::Result<bool> {
    let digest = &part.descriptor.digest;
    let has_it = repository.has_blob(digest).await;
    if has_it.map_err(|error| explain_push(&error, registry))? {
        return Ok(false);
    }
    let bytes = part.read().await?;
    let sent = repository.upload(digest, bytes).await;
    sent.map_err(|error| explain_push(&error, registry))?;
    Ok(true)
}

/// The manifest that the registry has, if it differs only in the time when it was made: then the
/// digest stays the same.
async fn same(repository: &Repository<'_>, tag: &str, manifest: &Value) -> Option<Bytes> {
    let bytes = repository.manifest(tag).await.ok()?;
    Manifest::parse(&bytes).ok()?;
    let found: Value = serde_json::from_slice(&bytes).ok()?;
    let timeless = |manifest: &Value| {
        let mut manifest = manifest.clone();
        let annotations = manifest.get_mut("annotations").and_then(Value::as_object_mut);
        annotations.and_then(|all| all.remove(artifact::CREATED));
        manifest
    };
    (timeless(&found) == timeless(manifest)).then_some(bytes)
}

/// An error with what to do about it.
fn explain_push(error: &Error, registry: &str) -> anyhow::Error {
    match error {
        Error::NotFound(_) => anyhow!(
            "{error}: check its name. Some registries need the repository to be created first"
        ),
        Error::Denied(_) => anyhow!(
            "{error}: run `tessera registry login {registry}` with an account that may write there"
        ),
        _ => explain(error, registry),
    }
}
