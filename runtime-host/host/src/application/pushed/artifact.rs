//! An application as an artifact: its parts, and the manifest that names them.

use super::super::pulled::CONFIG_MAX_BYTES;
use super::code::{self, Form};
use super::{files, locked, raw};
use crate::oci::{APPLICATION_CONFIG, Descriptor, MEDIA_TYPE, digest_of};
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tessera_manifest::App;

/// Layers of an artifact, of which some registries allow no more.
const LAYERS_MAX: usize = 500;
/// Maximum size of content that is in the configuration itself: some registries refuse tiny blobs.
const INLINE_MAX_BYTES: usize = 128;
/// Maximum size of one part. It is what a pull accepts.
const PART_MAX_BYTES: u64 = super::super::sources::DOWNLOAD_MAX_BYTES as u64;
/// The configuration of the artifact, which only container tools need.
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The label with which the configuration of each application differs from others.
const LABEL: &str = "com.fermyon.spin.lockedAppDigest";
/// The annotation with the time of the push.
pub(super) const CREATED: &str = "org.opencontainers.image.created";
/// Annotations that say what the application says about itself.
const DESCRIBED: [(&str, &str); 3] = [
    ("org.opencontainers.image.title", "name"),
    ("org.opencontainers.image.description", "description"),
    ("org.opencontainers.image.version", "version"),
];
const AUTHORS: &str = "org.opencontainers.image.authors";

/// What is sent to a registry.
pub(super) struct Artifact {
    pub(super) config: Layer,
    pub(super) layers: Vec<Layer>,
    pub(super) manifest: Value,
}

/// A part of an artifact.
pub(super) struct Layer {
    pub(super) descriptor: Descriptor,
    content: Content,
}

enum Content {
    Bytes(Bytes),
    File(PathBuf),
}

impl Artifact {
    /// Fails if a part is larger than a pull accepts.
    pub(super) fn new(
        config: Layer,
        layers: Vec<Layer>,
        annotations: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        for part in layers.iter().chain([&config]) {
            let Descriptor { media_type, size, .. } = &part.descriptor;
            ensure!(
                *size <= PART_MAX_BYTES,
                "a part with the type `{media_type}` has {size} bytes, and the maximum is \
                 {PART_MAX_BYTES}"
            );
        }
        let descriptors: Vec<&Descriptor> = layers.iter().map(|one| &one.descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE,
            "config": config.descriptor,
            "layers": descriptors,
            "annotations": annotations,
        });
        Ok(Self { config, layers, manifest })
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().chain([&self.config])
    }
}

impl Layer {
    pub(super) fn of_bytes(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let descriptor = descriptor(media_type, &bytes);
        Self { descriptor, content: Content::Bytes(bytes) }
    }

    /// A file, which is read again when it is sent.
    pub(super) fn of_file(media_type: &str, path: &Path) -> anyhow::Result<Self> {
        let bytes = read(path)?;
        let descriptor = descriptor(media_type, &bytes);
        Ok(Self { descriptor, content: Content::File(path.to_owned()) })
    }

    /// How the configuration of the application names it.
    pub(super) fn reference(&self) -> anyhow::Result<Map<String, Value>> {
        let mut reference = Map::new();
        reference.insert("digest".to_owned(), json!(self.descriptor.digest));
        if self.is_inline() {
            let bytes = match &self.content {
                Content::Bytes(bytes) => bytes.to_vec(),
                Content::File(path) => read(path)?,
            };
            reference.insert("inline".to_owned(), json!(BASE64_STANDARD_NO_PAD.encode(bytes)));
        }
        Ok(reference)
    }

    /// Whether the configuration has the content itself.
    pub(super) fn is_inline(&self) -> bool {
        self.descriptor.size <= INLINE_MAX_BYTES as u64
    }

    /// The content. A file may have changed in the meantime.
    pub(super) async fn read(&self) -> anyhow::Result<Bytes> {
        match &self.content {
            Content::Bytes(bytes) => Ok(bytes.clone()),
            Content::File(path) => {
                let (path, digest) = (path.clone(), self.descriptor.digest.clone());
                let checked = move || {
                    let bytes = read(&path)?;
                    ensure!(
                        digest_of(&bytes) == digest,
                        "{} has changed during the push: try again",
                        path.display()
                    );
                    anyhow::Ok(bytes.into())
                };
                tokio::task::spawn_blocking(checked).await?
            }
        }
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    let (media_type, digest) = (media_type.to_owned(), digest_of(bytes));
    Descriptor { media_type, digest, size: bytes.len() as u64, annotations: BTreeMap::new() }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = || format!("{} can't be read", path.display());
    let size = fs::metadata(path).with_context(shown)?.len();
    ensure!(
        size <= PART_MAX_BYTES,
        "{} has {size} bytes, and the maximum of one file is {PART_MAX_BYTES}",
        path.display()
    );
    fs::read(path).with_context(shown)
}

/// The artifact of an application. Blocks. `folder` is for its files, until they are sent.
pub(super) fn of(
    app: &App,
    compose: bool,
    archives: bool,
    annotations: BTreeMap<String, String>,
    folder: &Path,
) -> anyhow::Result<Artifact> {
    let mut app = app.clone();
    let middleware = super::super::middleware::separate(&mut app);
    let form = Form::of(&app, compose);
    let manifest = raw::manifest(&app)?;
    let code = code::of(&app, &middleware, form)?;
    let collected = files::collect(&app, folder)?;
    let mut packing = files::Packing::Layers;
    let mut of_files = files::layers(&collected, packing)?;
    let count = code.layers.len() + of_files.layers.len();
    if archives || count >= LAYERS_MAX {
        packing = files::Packing::Archives;
        of_files = files::layers(&collected, packing)?;
    }
    let mut layers = code.layers;
    layers.extend(of_files.layers);
    ensure!(layers.len() < LAYERS_MAX, "it has more than {LAYERS_MAX} layers");
    let flags = super::super::feature_flags::text(&app)?;
    let (code, files) = (&code.components, &of_files.components);
    let locked = locked::of(&app, &manifest, form, code, files, flags.as_deref());
    let annotations = annotated(annotations, &locked["metadata"]);
    let locked = serde_json::to_vec(&locked)?;
    let size = locked.len();
    ensure!(
        size <= CONFIG_MAX_BYTES,
        "its configuration has {size} bytes, and the maximum is {CONFIG_MAX_BYTES}: it needs fewer \
         files, or shorter settings"
    );
    let locked = Layer::of_bytes(APPLICATION_CONFIG, locked);
    let config = Layer::of_bytes(IMAGE_CONFIG, image_config(&locked.descriptor.digest));
    layers.push(locked);
    Artifact::new(config, layers, &annotations)
}

fn image_config(locked: &str) -> Vec<u8> {
    let config = json!({
        "architecture": "wasm",
        "os": "Wasip1",
        "config": { "Labels": { LABEL: locked } },
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    config.to_string().into_bytes()
}

/// The annotations, with those that are derived from the application and not given.
fn annotated(
    mut annotations: BTreeMap<String, String>,
    metadata: &Value,
) -> BTreeMap<String, String> {
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            annotations.entry(key.to_owned()).or_insert(value);
        }
    };
    let authors = metadata["authors"].as_array();
    let authors = authors.map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    add(AUTHORS, authors.filter(|all| !all.is_empty()).map(|all| all.join(", ")));
    for (annotation, key) in DESCRIBED {
        add(annotation, metadata[key].as_str().map(str::to_owned));
    }
    add(CREATED, Some(now()));
    annotations
}

/// The date and the time, as in RFC 3339.
#[expect(clippy::disallowed_methods, reason = "annotations have dates")]
fn now() -> String {
    date_of(SystemTime::now())
}

/// A time as in RFC 3339, in seconds.
pub(super) fn date_of(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let date = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let date: DateTime<Utc> = date.unwrap_or_default();
    format!("{date:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_date_is_that_of_rfc_3339() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        assert_eq!(date_of(time), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn annotations_are_derived_unless_they_are_given() {
        let title = "org.opencontainers.image.title".to_owned();
        let given = BTreeMap::from([(title.clone(), "mine".to_owned())]);
        let metadata = json!({ "name": "app", "version": "1.0.0", "authors": ["a", "b"] });
        let all = annotated(given, &metadata);
        assert_eq!(all[&title], "mine");
        assert_eq!(all[AUTHORS], "a, b");
        assert_eq!(all["org.opencontainers.image.version"], "1.0.0");
        assert!(all.contains_key(CREATED));
        assert!(!all.contains_key("org.opencontainers.image.description"));
    }
}
