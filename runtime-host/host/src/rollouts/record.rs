//! What is kept of the revisions of a component: on disk, replaced atomically.
//!
//! `revisions/<component>.json` in the state directory says which code is in service, and
//! `revisions/code/<digest>.wasm` has it. A component that was never deployed has neither.

use super::controller::now_ms;
use crate::private_file;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_rollout::judge::Reason;
use tessera_rollout::plan::Plan;

/// Entries of a component's history. Older ones are dropped.
const HISTORY_MAX: usize = 100;
/// The code of the last revisions of a component is kept, so that they can be deployed again.
const CODES_MAX: usize = 10;
/// The format of the files.
const FORMAT: u32 = 1;

/// The SHA-256 digest of a component's code, which names the revision. As 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CodeId(Arc<str>);

impl CodeId {
    pub(crate) fn of(code: &[u8]) -> Self {
        let digest = Sha256::digest(code);
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
    }

    /// The first digits, for people.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    /// With the name of the hash function, as in registries.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", self.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl TryFrom<String> for CodeId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == 64 && text.bytes().all(is_digit) {
            true => Ok(Self(text.into())),
            false => Err(format!("`{text}` is no digest: write 64 hexadecimal digits")),
        }
    }
}

impl From<CodeId> for String {
    fn from(id: CodeId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// What calls have in common that go to the same revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cohort {
    /// The header field or cookie whose value decides; none means the trace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) sticky: Option<Sticky>,
    /// Requests with this header field and value always go to the candidate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) named: Option<(String, String)>,
}

/// What a user sends with each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sticky {
    Header(String),
    Cookie(String),
}

impl Cohort {
    /// Whether a request is always for the candidate.
    pub(super) fn names<'a>(&self, fields: impl Fn(&str) -> Vec<&'a [u8]>) -> bool {
        let named = self.named.as_ref();
        named.is_some_and(|(name, value)| fields(name).contains(&value.as_bytes()))
    }

    /// What decides for a request; none if it does not have it.
    pub(super) fn key<'a>(&self, fields: impl Fn(&str) -> Vec<&'a [u8]>) -> Option<&'a [u8]> {
        match self.sticky.as_ref()? {
            Sticky::Header(name) => fields(name).first().copied(),
            // By HTTP/2, there may be several fields (RFC 9113, section 8.2.3).
            Sticky::Cookie(name) => {
                let all = fields("cookie").into_iter();
                let mut pairs =
                    all.flat_map(|field| field.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
                pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
            }
        }
    }
}

/// What is kept of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// The code that the manifest named when this was written. If it names another one at a start,
    /// that one is in service from then on.
    pub(super) manifest: CodeId,
    pub(super) stable: CodeId,
    pub(super) previous: Option<CodeId>,
    pub(super) rollout: Option<Rollout>,
    /// The oldest first.
    pub(super) history: Vec<Entry>,
}

/// A rollout in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rollout {
    pub(super) candidate: CodeId,
    pub(super) plan: Plan,
    pub(super) cohort: Cohort,
    /// The current step of the plan.
    pub(super) step: usize,
    /// Whether it waits for an operator.
    pub(super) waits: bool,
    pub(super) salt: u64,
    pub(super) began_at_ms: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at_ms: u64,
    pub(crate) revision: CodeId,
    /// Who did it; empty for the host itself.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) by: String,
    /// Where its code comes from, if it was deployed from a registry: the name of the artifact, with
    /// its digest.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) origin: String,
    #[serde(flatten)]
    pub(crate) event: Event,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A rollout began.
    Deployed,
    /// The revision can't be used: the code, or its contract.
    Refused { detail: String },
    /// The next step of the plan began.
    Step { share_percent: u8 },
    /// It is the stable revision now.
    Promoted,
    /// The stable revision has all calls again; by an operator if there is no reason.
    RolledBack {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<Reason>,
    },
    /// The manifest names other code than before.
    Started,
}

impl Record {
    /// A component whose code is that of the manifest.
    pub(super) fn new(manifest: CodeId) -> Self {
        let (previous, rollout, history) = Default::default();
        Self { format: FORMAT, stable: manifest.clone(), manifest, previous, rollout, history }
    }

    pub(super) fn note(&mut self, at_ms: u64, revision: CodeId, by: &str, event: Event) {
        let surplus = (self.history.len() + 1).saturating_sub(HISTORY_MAX);
        self.history.drain(..surplus);
        let (by, origin) = (by.to_owned(), String::new());
        self.history.push(Entry { at_ms, revision, by, origin, event });
    }

    /// Notes where the code of the last entry comes from.
    pub(super) fn note_origin(&mut self, origin: String) {
        if let Some(entry) = self.history.last_mut() {
            entry.origin = origin;
        }
    }

    /// The code that is needed now, or may be deployed again.
    fn codes(&self) -> BTreeSet<&CodeId> {
        let needed = [Some(&self.stable), Some(&self.manifest), self.previous.as_ref()];
        let candidate = self.rollout.as_ref().map(|rollout| &rollout.candidate);
        let mut codes: BTreeSet<_> = needed.into_iter().flatten().chain(candidate).collect();
        for entry in self.history.iter().rev() {
            if codes.len() >= CODES_MAX {
                break;
            }
            codes.insert(&entry.revision);
        }
        codes
    }
}

/// What a component resumes with at a start.
#[derive(Debug, Clone)]
pub(crate) struct Resumed {
    record: Record,
    /// Where the code of the stable revision is; none if it is that of the manifest.
    pub(crate) stable: Option<PathBuf>,
}

impl Resumed {
    /// The code that the manifest names.
    pub(crate) fn manifest(&self) -> &CodeId {
        &self.record.manifest
    }
}

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    folder: PathBuf,
}

impl Records {
    pub(crate) fn of(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("revisions") }
    }

    /// What components resume with. `manifest` is the code that the manifest names.
    pub(crate) fn resume(
        &self,
        id: &str,
        manifest: impl FnOnce() -> anyhow::Result<CodeId>,
    ) -> anyhow::Result<Option<Resumed>> {
        let Some(mut record) = self.read(id)? else { return Ok(None) };
        let manifest = manifest()?;
        let was_deployed =
            |entry: &Entry| entry.revision == manifest && entry.event == Event::Deployed;
        if manifest != record.manifest && !record.history.iter().any(was_deployed) {
            // It is written with the next change: the start may still fail.
            (record.rollout, record.previous) = (None, None);
            record.stable.clone_from(&manifest);
            record.note(now_ms(), manifest.clone(), "", Event::Started);
        }
        record.manifest.clone_from(&manifest);
        let stable = (record.stable != manifest).then(|| self.code_path(&record.stable));
        if stable.is_some() {
            let is_kept = self.code(&record.stable)?.is_some();
            ensure!(
                is_kept,
                "the code of its revision {} is missing. To start with that of the manifest, \
                 remove {}",
                record.stable,
                self.path(id).display()
            );
        }
        Ok(Some(Resumed { record, stable }))
    }

    /// The record of a component; a new one if it has none.
    pub(super) fn record(resumed: Option<Resumed>, manifest: CodeId) -> Record {
        resumed.map_or_else(|| Record::new(manifest), |resumed| resumed.record)
    }

    fn read(&self, id: &str) -> anyhow::Result<Option<Record>> {
        let path = self.path(id);
        let Some(text) = private_file::read(&path)? else { return Ok(None) };
        let advice = || {
            format!(
                "{} can't be read: without it, `{id}` has the code of the manifest",
                path.display()
            )
        };
        let record: Record = serde_json::from_str(&text).with_context(advice)?;
        ensure!(
            record.format == FORMAT,
            "{} was written by another version of the host",
            path.display()
        );
        Ok(Some(record))
    }

    /// Makes a record durable.
    pub(super) fn write(&self, id: &str, record: &Record) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("{} can't be created", self.folder.display()))?;
        private_file::write(&self.path(id), serde_json::to_vec(record)?)
    }

    /// Makes code durable.
    pub(super) fn keep(&self, code: &[u8]) -> anyhow::Result<CodeId> {
        let id = CodeId::of(code);
        let path = self.code_path(&id);
        let folder = self.folder.join("code");
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} can't be created", folder.display()))?;
        if !matches!(self.code(&id), Ok(Some(_))) {
            private_file::write(&path, code)?;
        }
        Ok(id)
    }

    /// The code of a revision; none if it is no longer kept.
    pub(super) fn code(&self, id: &CodeId) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.code_path(id);
        match fs::read(&path) {
            Ok(code) => {
                ensure!(CodeId::of(&code) == *id, "{} is damaged", path.display());
                Ok(Some(code))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
        }
    }

    /// The kept revision of a component that begins with these digits.
    pub(super) fn find(&self, record: &Record, digits: &str) -> anyhow::Result<CodeId> {
        let (kept, own) = (self.kept()?, record.codes());
        let is_it = |id: &&CodeId| own.contains(id) && id.as_str().starts_with(digits);
        let mut found = kept.keys().filter(is_it);
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id.clone()),
            (Some(_), Some(_)) => anyhow::bail!("several revisions begin with `{digits}`"),
            (None, _) => anyhow::bail!(
                "no revision that begins with `{digits}` is kept: deploy its file again"
            ),
        }
    }

    /// Removes code that no record needs: those of components that do not run now count, too.
    pub(super) fn remove_unneeded(&self) -> anyhow::Result<()> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let id = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "json") {
                records.extend(self.read(id)?);
            }
        }
        let needed: BTreeSet<_> = records.iter().flat_map(Record::codes).collect();
        for (id, path) in self.kept()? {
            if !needed.contains(&id) {
                fs::remove_file(&path)
                    .with_context(|| format!("{} can't be removed", path.display()))?;
            }
        }
        Ok(())
    }

    fn kept(&self) -> anyhow::Result<BTreeMap<CodeId, PathBuf>> {
        let folder = self.folder.join("code");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            entries => entries.with_context(|| format!("{} can't be read", folder.display()))?,
        };
        let mut kept = BTreeMap::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if let Ok(id) = CodeId::try_from(name.to_owned()) {
                kept.insert(id, path);
            }
        }
        Ok(kept)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    pub(super) fn code_path(&self, id: &CodeId) -> PathBuf {
        self.folder.join("code").join(format!("{}.wasm", id.as_str()))
    }
}
