//! The files of components: a layer for each, or, if there are too many, an archive for each
//! component.

use super::super::files::{FileOptions, gather};
use super::archive;
use super::artifact::Layer;
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tessera_manifest::{App, ComponentId};

/// The media type of a file.
const MEDIA_TYPE: &str = "application/vnd.wasm.content.layer.v1+data";
/// Files of an application.
const FILES_MAX: usize = 100_000;

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Layers,
    Archives,
}

/// The files of an application.
pub(super) struct Files {
    pub(super) layers: Vec<Layer>,
    /// How the configuration names the files of components.
    pub(super) components: BTreeMap<ComponentId, Vec<Value>>,
}

/// A file of a component.
struct Found {
    path: PathBuf,
    /// Its path for the component, with `/`.
    name: String,
}

/// The files of components, in a folder for each.
pub(super) type Collected = BTreeMap<ComponentId, PathBuf>;

/// Collects the files of all components below a folder.
pub(super) fn collect(app: &App, folder: &Path) -> anyhow::Result<Collected> {
    let state_dir = app.folder.join(".tessera");
    let state_dir = if state_dir.is_dir() { state_dir } else { folder.to_owned() };
    let options = FileOptions { folder: Some(folder.to_owned()), ..FileOptions::default() };
    let with_files = app.components.values().filter(|component| !component.files.is_empty());
    let collected = with_files.map(|component| {
        let folder = gather(component, &app.folder, &options, &state_dir)?;
        anyhow::Ok((component.id.clone(), folder))
    });
    collected.collect()
}

/// The layers of files.
pub(super) fn layers(collected: &Collected, packing: Packing) -> anyhow::Result<Files> {
    let mut files = Files { layers: Vec::new(), components: BTreeMap::new() };
    let mut count = 0;
    for (id, folder) in collected {
        let mut found = Vec::new();
        walk(folder, "", &mut found)?;
        count += found.len();
        ensure!(count <= FILES_MAX, "there are more than {FILES_MAX} files");
        let mut named = Vec::new();
        for file in &found {
            let layer = Layer::of_file(MEDIA_TYPE, &file.path)?;
            let mut content = layer.reference()?;
            content.insert("path".to_owned(), json!(file.name));
            named.push(Value::Object(content));
            if packing == Packing::Layers && !layer.is_inline() {
                files.add(layer);
            }
        }
        if packing == Packing::Archives && !found.is_empty() {
            let packed = archive::pack(found.iter().map(|file| (&*file.name, &*file.path)))?;
            files.add(Layer::of_bytes(archive::MEDIA_TYPE, packed));
        }
        files.components.insert(id.clone(), named);
    }
    Ok(files)
}

impl Files {
    /// Adds a layer, if it is new.
    fn add(&mut self, layer: Layer) {
        let digest = &layer.descriptor.digest;
        if !self.layers.iter().any(|one| one.descriptor.digest == *digest) {
            self.layers.push(layer);
        }
    }
}

/// All files below a folder, by name.
fn walk(folder: &Path, prefix: &str, found: &mut Vec<Found>) -> anyhow::Result<()> {
    let shown = || format!("{} can't be read", folder.display());
    let entries = fs::read_dir(folder).with_context(shown)?;
    let entries: Result<Vec<_>, _> = entries.collect();
    let mut entries = entries.with_context(shown)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name().into_string().ok();
        let name = name.with_context(|| format!("the name of {} is not UTF-8", path.display()))?;
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            walk(&path, &format!("{name}/"), found)?;
        } else {
            found.push(Found { path, name });
        }
    }
    Ok(())
}
