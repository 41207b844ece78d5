//! The files of revisions, in the state directory: replaced atomically.
//!
//! `revisions/<component>.json` says which revisions a component has; one that was never changed has
//! none. `revisions/code/<digest>.wasm` and `revisions/settings/<digest>.json` have what they consist
//! of.

use super::controller::now_ms;
use super::digest::{CodeId, SettingsId};
use super::record::{Event, Parts, Record};
use super::settings::{SecretKey, Settings};
use crate::private_file;
use anyhow::{Context as _, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a component starts with.
#[derive(Debug, Clone)]
pub(crate) struct Resumed {
    pub(crate) record: Record,
    /// What its stable revision consists of.
    pub(crate) parts: Parts,
    pub(crate) settings: Settings,
    /// Where the code of the stable revision is; none if it is that of the manifest.
    pub(crate) code: Option<PathBuf>,
}

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    folder: PathBuf,
    pub(super) key: SecretKey,
}

impl Records {
    /// The caller has locked the state directory.
    pub(crate) fn open(state_dir: &Path) -> anyhow::Result<Self> {
        let folder = state_dir.join("revisions");
        for folder in [folder.clone(), folder.join("code"), folder.join("settings")] {
            fs::create_dir_all(&folder)
                .with_context(|| format!("{} can't be created", folder.display()))?;
            private_file::remove_temporary(&folder)?;
        }
        let path = folder.join("key");
        let key = match private_file::read(&path)? {
            Some(key) => key,
            None => {
                let key = private_file::random_secret()?;
                private_file::write(&path, &key)?;
                key
            }
        };
        Ok(Self { folder, key: SecretKey(key) })
    }

    /// What a component starts with. `origin` is what the manifest and the values of variables say.
    pub(crate) fn resume(
        &self,
        id: &str,
        origin: Parts,
        settings: &Settings,
    ) -> anyhow::Result<Resumed> {
        let Some(mut record) = self.read(id, &origin.settings)? else {
            let record = Record::new(origin.clone(), now_ms());
            return Ok(Resumed { record, parts: origin, settings: settings.clone(), code: None });
        };
        let advice = || {
            let path = self.path(id);
            format!("to start with what the manifest says, remove {}", path.display())
        };
        let stable = record.parts(&record.stable)?.clone();
        let is_known = origin.code == record.origin.code || record.was_deployed(&origin.code);
        let code = if is_known { stable.code.clone() } else { origin.code.clone() };
        let before = self.settings(&record.origin.settings).with_context(advice)?;
        let present = self.settings(&stable.settings).with_context(advice)?;
        let settings = present.merged(&before, settings);
        let parts = Parts { code, settings: self.stage_settings(&settings)? };
        if parts.code != stable.code || settings != present {
            // It is written with the next change: the start may still fail.
            record.rollout = None;
            // The code that the manifest named before may be lost.
            let is_kept = parts.code == stable.code;
            let replaced = std::mem::replace(&mut record.stable, parts.revision());
            record.previous = is_kept.then_some(replaced);
            record.add(parts.clone(), now_ms(), "");
            record.note(now_ms(), record.stable.clone(), "", Event::Started);
        }
        let code = (parts.code != origin.code).then(|| self.code_path(&parts.code));
        record.origin = origin;
        let parts = record.parts(&record.stable)?.clone();
        if code.is_some() {
            self.code(&parts.code).with_context(advice)?;
        }
        Ok(Resumed { record, parts, settings, code })
    }

    fn read(&self, id: &str, settings: &SettingsId) -> anyhow::Result<Option<Record>> {
        let path = self.path(id);
        let Some(text) = private_file::read(&path)? else { return Ok(None) };
        let record = Record::parse(&text, settings).with_context(|| {
            format!("{} can't be read: without it, `{id}` is as in the manifest", path.display())
        })?;
        Ok(Some(record))
    }

    /// Makes a record durable.
    pub(super) fn write(&self, id: &str, record: &Record) -> anyhow::Result<()> {
        private_file::write(&self.path(id), serde_json::to_vec(record)?)
    }

    /// Copies the code of a component that starts: a build may replace its file at any time. The copy
    /// is durable only after [`Records::make_durable`], which most starts never need.
    pub(crate) fn stage_code(&self, code: &[u8]) -> anyhow::Result<CodeId> {
        let id = CodeId::of(code);
        stage(&self.code_path(&id), code)?;
        Ok(id)
    }

    /// Writes a configuration. It is durable only after [`Records::make_durable`].
    pub(crate) fn stage_settings(&self, settings: &Settings) -> anyhow::Result<SettingsId> {
        let id = settings.id(&self.key);
        stage(&self.settings_path(&id), &serde_json::to_vec(settings)?)?;
        Ok(id)
    }

    /// Makes durable what a revision consists of.
    pub(super) fn make_durable(&self, parts: &Parts) -> anyhow::Result<()> {
        let advice = "the revision in service can't be kept: restart the host";
        self.code(&parts.code).context(advice)?;
        private_file::make_durable(&self.code_path(&parts.code))?;
        self.make_settings_durable(&parts.settings)
    }

    pub(super) fn make_settings_durable(&self, id: &SettingsId) -> anyhow::Result<()> {
        private_file::make_durable(&self.settings_path(id))
    }

    /// Makes code durable.
    pub(super) fn keep(&self, code: &[u8]) -> anyhow::Result<CodeId> {
        let id = self.stage_code(code)?;
        private_file::make_durable(&self.code_path(&id))?;
        Ok(id)
    }

    /// The code of a revision.
    pub(super) fn code(&self, id: &CodeId) -> anyhow::Result<Vec<u8>> {
        let path = self.code_path(id);
        let code = fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
        ensure!(CodeId::of(&code) == *id, "{} is damaged", path.display());
        Ok(code)
    }

    /// The configuration of a revision.
    pub(super) fn settings(&self, id: &SettingsId) -> anyhow::Result<Settings> {
        let path = self.settings_path(id);
        let text = private_file::read(&path)?;
        let text = text.with_context(|| format!("{} is missing", path.display()))?;
        // The error would quote the file, and with it a secret.
        let settings = serde_json::from_str(&text).ok();
        settings.with_context(|| format!("{} is damaged", path.display()))
    }

    /// Whether a revision can be deployed again.
    pub(super) fn has(&self, parts: &Parts) -> bool {
        self.code_path(&parts.code).is_file() && self.settings_path(&parts.settings).is_file()
    }

    /// Removes what is not in use and what no record needs: those of components that do not run now
    /// count, too. No write may be in progress.
    pub(super) fn remove_unneeded(&self, mut needed: BTreeSet<Parts>) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let id = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                // Records of the older format need no configuration.
                let record = self.read(id, &SettingsId::of(""))?;
                needed.extend(record.iter().flat_map(Record::needed));
            }
        }
        let codes: BTreeSet<_> = needed.iter().map(|parts| parts.code.as_str()).collect();
        let settings: BTreeSet<_> = needed.iter().map(|parts| parts.settings.as_str()).collect();
        remove_others(&self.folder.join("code"), &codes)?;
        remove_others(&self.folder.join("settings"), &settings)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn code_path(&self, id: &CodeId) -> PathBuf {
        self.folder.join("code").join(format!("{}.wasm", id.as_str()))
    }

    fn settings_path(&self, id: &SettingsId) -> PathBuf {
        self.folder.join("settings").join(format!("{}.json", id.as_str()))
    }
}

/// Writes a file whose name says what is in it, unless it exists.
fn stage(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    match fs::read(path) {
        Ok(staged) if staged == content => Ok(()),
        _ => private_file::write_unsynced(path, content),
    }
}

/// Removes the files of a folder that do not have one of these names, and temporary ones.
fn remove_others(folder: &Path, names: &BTreeSet<&str>) -> anyhow::Result<()> {
    private_file::remove_temporary(folder)?;
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if !names.contains(name) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("{} can't be removed", path.display()));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
