//! Feature flags: the definitions in force, and who has changed them.
//!
//! Evaluations read an immutable snapshot, without locks and without waiting. The definitions of the
//! manifest's file are overlaid by those of operators. Each change is durable before it has an
//! effect, so that after a crash the same flags are in force as before.

mod evaluated;
mod record;

pub(crate) use evaluated::evaluate;
pub(crate) use record::{Change, Changed};

use crate::private_file;
use anyhow::Context as _;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use record::Record;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_flags::limits::DOCUMENT_MAX_BYTES;
use tessera_flags::{Flag, Flags, Problems, TooManyFlags};

/// The file with the definitions of operators, in the state directory.
const FILE_NAME: &str = "feature-flags.json";

/// The flags of the application.
pub(crate) struct FeatureFlags {
    /// What evaluations see.
    current: ArcSwap<Flags>,
    /// Those of the manifest's file.
    of_file: Flags,
    /// Those of operators. Held while a change is written, so that changes have an order.
    kept: Mutex<Record>,
    path: PathBuf,
}

/// A flag in force.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) flag: Arc<Flag>,
    pub(crate) origin: &'static str,
    /// Whether the manifest's file has a flag with this key.
    pub(crate) is_in_file: bool,
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{0}")]
    Invalid(#[from] Problems),
    #[error("{0}")]
    TooMany(#[from] TooManyFlags),
    #[error("there is no flag with this key")]
    NotFound,
    #[error(
        "the flag is defined in the file of the manifest, and no operator has changed it: disable it \
         instead, or remove it from the file"
    )]
    OfFile,
    #[error(
        "the definitions of operators would be too large or too deep together: {0:#}. Make the flag \
         smaller, or remove others"
    )]
    TooLarge(anyhow::Error),
    #[error("the change could not be stored: {0:#}")]
    Storage(anyhow::Error),
}

impl FeatureFlags {
    /// The flags of the manifest's file, if it names one, and those of operators.
    pub(crate) fn open(file: Option<&Path>, state_dir: &Path) -> anyhow::Result<Self> {
        let of_file = file.map(read).transpose()?.map(|(flags, _)| flags).unwrap_or_default();
        let path = state_dir.join(FILE_NAME);
        let kept = Record::read(&path)?;
        let current = of_file.overlaid(&kept.flags).with_context(|| {
            format!("the file of the manifest and {} have too many flags", path.display())
        })?;
        Ok(Self { current: ArcSwap::from_pointee(current), of_file, kept: kept.into(), path })
    }

    /// The flags now. They do not change: a call keeps them to its end.
    pub(crate) fn snapshot(&self) -> Arc<Flags> {
        self.current.load_full()
    }

    /// All flags, by key.
    pub(crate) fn all(&self) -> Vec<Shown> {
        let kept = self.kept.lock();
        self.snapshot().iter().map(|flag| self.shown(flag, &kept.flags)).collect()
    }

    /// The flag with this key.
    pub(crate) fn one(&self, key: &str) -> Result<Shown, Refused> {
        let kept = self.kept.lock();
        let flag = self.snapshot().get(key).cloned().ok_or(Refused::NotFound)?;
        Ok(self.shown(&flag, &kept.flags))
    }

    /// The latest changes, oldest first.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.kept.lock().changes.iter().cloned().collect()
    }

    /// Defines a flag.
    pub(crate) fn set(&self, key: &str, definition: &[u8], by: &str) -> Result<Shown, Refused> {
        let flag = Flag::parse(key, definition)?;
        let set = self.change(key, by, Changed::Set, |flags| Ok(flags.with(flag)?))?;
        set.ok_or(Refused::NotFound)
    }

    /// Switches a flag on or off.
    pub(crate) fn switch(&self, key: &str, enabled: bool, by: &str) -> Result<Shown, Refused> {
        let changed = if enabled { Changed::Enabled } else { Changed::Disabled };
        let switched = self.change(key, by, changed, |flags| {
            // Within the change: another one may just have replaced the flag.
            let flag = flags.get(key).or_else(|| self.of_file.get(key)).ok_or(Refused::NotFound)?;
            Ok(flags.with(flag.switched(enabled))?)
        })?;
        switched.ok_or(Refused::NotFound)
    }

    /// Removes the definition of an operator. That of the file is in force again, if there is one.
    pub(crate) fn remove(&self, key: &str, by: &str) -> Result<(), Refused> {
        self.change(key, by, Changed::Removed, |flags| match flags.get(key) {
            Some(_) => Ok(flags.without(key)),
            None if self.of_file.get(key).is_some() => Err(Refused::OfFile),
            None => Err(Refused::NotFound),
        })?;
        Ok(())
    }

    /// Stores a change of the operators' definitions, and then lets it have its effect. Returns the
    /// flag after this change, whatever others change next.
    fn change(
        &self,
        key: &str,
        by: &str,
        changed: Changed,
        change: impl FnOnce(&Flags) -> Result<Flags, Refused>,
    ) -> Result<Option<Shown>, Refused> {
        let mut kept = self.kept.lock();
        let flags = change(&kept.flags)?;
        let current = self.of_file.overlaid(&flags)?;
        let next = kept.with(flags, Change::now(key, changed, by));
        let text = next.text().map_err(Refused::Storage)?;
        // Each flag is valid, and all of them together may still be more than the next start reads.
        Record::parse(&text).map_err(Refused::TooLarge)?;
        private_file::write(&self.path, text).map_err(Refused::Storage)?;
        let shown = current.get(key).map(|flag| self.shown(flag, &next.flags));
        *kept = next;
        self.current.store(Arc::new(current));
        tracing::info!(flag = key, by, "feature flag {}", changed.word());
        Ok(shown)
    }

    fn shown(&self, flag: &Arc<Flag>, kept: &Flags) -> Shown {
        let is_kept = kept.get(flag.key()).is_some();
        let origin = if is_kept { "admin" } else { "file" };
        Shown { flag: flag.clone(), origin, is_in_file: self.of_file.get(flag.key()).is_some() }
    }
}

/// The text of the manifest's file, whose definitions are valid.
pub(crate) fn text_of(path: &Path) -> anyhow::Result<String> {
    let (_, text) = read(path)?;
    String::from_utf8(text).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The definitions in the manifest's file, and its text.
fn read(path: &Path) -> anyhow::Result<(Flags, Vec<u8>)> {
    let shown = path.display();
    let text = limited(path).with_context(|| {
        format!(
            "can't read {shown}, the file with feature flags: `flags` in \
             [application.tool.tessera] names it, relative to the manifest"
        )
    })?;
    let flags = Flags::parse(&text);
    let flags = flags.with_context(|| format!("the feature flags in {shown} are invalid"))?;
    Ok((flags, text))
}

/// The content of a file, or the beginning of one that is too large to be a document.
fn limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(DOCUMENT_MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
