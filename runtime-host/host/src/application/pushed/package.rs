//! A single component, in the format of `wkg`.

use super::artifact::{Artifact, Layer, date_of};
use crate::engine::{binary, imports_and_exports};
use crate::oci::PACKAGE_CONFIG;
use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The media type of the code.
const MEDIA_TYPE: &str = "application/wasm";
/// What a component begins with, unlike a core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The artifact of a component. Blocks.
pub(super) fn of(path: &Path, annotations: BTreeMap<String, String>) -> anyhow::Result<Artifact> {
    let shown = || format!("{} can't be read", path.display());
    let bytes = binary(path, fs::read(path).with_context(shown)?)?;
    let is_component = bytes.starts_with(COMPONENT);
    let component = if is_component { world(&bytes, path)? } else { Value::Null };
    let layer = Layer::of_bytes(MEDIA_TYPE, bytes);
    let config = json!({
        // With the time of the push, the same component would have another digest each time.
        "created": date_of(fs::metadata(path).and_then(|file| file.modified()).with_context(shown)?),
        "author": null,
        "architecture": "wasm",
        "os": if is_component { "wasip2" } else { "wasip1" },
        "layerDigests": [layer.descriptor.digest],
        "component": component,
    });
    let config = Layer::of_bytes(PACKAGE_CONFIG, config.to_string());
    Artifact::new(config, vec![layer], &annotations)
}

/// What a component imports and exports.
fn world(bytes: &[u8], path: &Path) -> anyhow::Result<Value> {
    let (imports, exports) = imports_and_exports(bytes)
        .map_err(|reason| anyhow!("{} is not a component: {reason}", path.display()))?;
    Ok(json!({ "exports": exports, "imports": imports, "target": null }))
}
