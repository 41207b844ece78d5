//! Manifests: what an artifact consists of.

use super::{Error, is_digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The media type of a manifest.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a list of manifests for several platforms.
pub(super) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The configuration of a WebAssembly package, as `wkg` writes it.
pub(crate) const PACKAGE_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The configuration of a Spin application, as it is written now.
pub(crate) const APPLICATION_CONFIG: &str = "application/vnd.fermyon.spin.application.v1+config";
/// The configurations of Spin applications, which may be a layer, begin with this.
const APPLICATION: &str = "application/vnd.fermyon.spin.application.";

/// The manifest of an artifact.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

/// A part of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What distinguishes a manifest from an index.
#[derive(Deserialize)]
struct Kind {
    manifests: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let kind: Option<Kind> = serde_json::from_slice(bytes).ok();
        if kind.is_some_and(|kind| kind.manifests.is_some()) {
            let message = "it is an index of several artifacts, and not one of them";
            return Err(Error::invalid(message));
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::invalid(format!("its manifest is not valid: {error}")))?;
        let parts = || manifest.layers.iter().chain([&manifest.config]);
        if let Some(part) = parts().find(|part| !is_digest(&part.digest)) {
            let digest = part.digest.escape_debug();
            return Err(Error::invalid(format!("its manifest has the digest `{digest}`")));
        }
        Ok(manifest)
    }

    /// The configuration of a Spin application: a layer, or in older ones the configuration of the
    /// artifact.
    pub(crate) fn application(&self) -> Option<&Descriptor> {
        let mut parts = self.layers.iter().chain([&self.config]);
        parts.find(|part| part.media_type.starts_with(APPLICATION))
    }

    /// The code of a WebAssembly package: its only layer.
    pub(crate) fn package_code(&self) -> Result<&Descriptor, Error> {
        let kind = self.config.media_type.as_str();
        if self.application().is_some() {
            return Err(Error::invalid("it is a Spin application, and not a component"));
        }
        if kind != PACKAGE_CONFIG {
            let kind = kind.escape_debug();
            let message = format!("it is not a WebAssembly package, but has the type `{kind}`");
            return Err(Error::invalid(message));
        }
        match &self.layers[..] {
            [code] => Ok(code),
            layers => Err(Error::invalid(format!(
                "a WebAssembly package has one layer, and this one has {}",
                layers.len()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest_of;
    use serde_json::json;

    fn manifest(config: &str, layers: usize) -> Result<Manifest, Error> {
        let part = |kind: &str| json!({"mediaType": kind, "digest": digest_of(b""), "size": 0});
        let layers: Vec<_> = (0..layers).map(|_| part("application/wasm")).collect();
        Manifest::parse(json!({"config": part(config), "layers": layers}).to_string().as_bytes())
    }

    #[test]
    fn a_package_has_one_layer_and_the_configuration_of_packages() {
        let code = |config, layers| {
            let manifest = manifest(config, layers).unwrap();
            manifest.package_code().cloned().map_err(|error| error.to_string())
        };
        assert_eq!(code(PACKAGE_CONFIG, 1).unwrap().digest, digest_of(b""));
        let error = code(PACKAGE_CONFIG, 2).unwrap_err();
        assert!(error.contains("this one has 2"), "{error}");
        let error = code("application/vnd.oci.image.config.v1+json", 1).unwrap_err();
        assert!(error.contains("not a WebAssembly package"), "{error}");
        let error = code("application/vnd.fermyon.spin.application.v1+config", 1).unwrap_err();
        assert!(error.contains("a Spin application"), "{error}");
    }

    #[test]
    fn what_is_not_a_manifest_is_refused() {
        let error = |text: &str| Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error("{").contains("not valid"));
        assert!(error(r#"{"schemaVersion":2,"manifests":[]}"#).contains("several artifacts"));
        let part = r#"{"mediaType":"a","digest":"sha256:../..","size":1}"#;
        let text = format!("{{\"config\":{part},\"layers\":[]}}");
        assert!(error(&text).contains("`sha256:../..`"));
    }
}
