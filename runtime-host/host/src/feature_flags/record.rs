//! What is kept of the definitions of operators: one file, replaced atomically.

use crate::private_file;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tessera_flags::Flags;

/// Changes that are kept. Older ones are dropped.
const CHANGES_MAX: usize = 200;
/// The format of the file.
const FORMAT: u32 = 1;

/// The definitions of operators, and the changes that led to them.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) flags: Flags,
    /// Oldest first.
    pub(super) changes: VecDeque<Change>,
}

/// A change of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) at_ms: u64,
    pub(crate) flag: String,
    pub(crate) change: Changed,
    /// Who made it; empty if that is not known.
    pub(crate) by: String,
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Changed {
    Set,
    Enabled,
    Disabled,
    Removed,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    /// A document of definitions.
    definitions: Value,
    changes: VecDeque<Change>,
}

impl Record {
    /// An empty one if there is no file yet.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        match private_file::read(path)? {
            None => Ok(Self::default()),
            Some(text) => Self::parse(&text)
                .with_context(|| format!("{} is damaged: restore or remove it", path.display())),
        }
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let Stored { format, definitions, changes } = serde_json::from_str(text)?;
        ensure!(format == FORMAT, "it has the format {format}, which this version does not know");
        let flags = Flags::parse(definitions.to_string().as_bytes())?;
        Ok(Self { flags, changes })
    }

    /// The content of the file. [`Record::parse`] refuses it if it has too much.
    pub(super) fn text(&self) -> anyhow::Result<String> {
        let definitions = self.flags.to_json();
        let stored = Stored { format: FORMAT, definitions, changes: self.changes.clone() };
        Ok(serde_json::to_string(&stored)?)
    }

    /// These definitions, after one more change.
    pub(super) fn with(&self, flags: Flags, change: Change) -> Self {
        let mut changes = self.changes.clone();
        changes.push_back(change);
        while changes.len() > CHANGES_MAX {
            changes.pop_front();
        }
        Self { flags, changes }
    }
}

impl Change {
    #[expect(clippy::disallowed_methods, reason = "operators see when it was made")]
    pub(super) fn now(flag: &str, change: Changed, by: &str) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        Self { at_ms, flag: flag.to_owned(), change, by: by.to_owned() }
    }
}

impl Changed {
    /// In a sentence about the flag.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_a_limited_number_of_changes() {
        let mut record = Record::default();
        for number in 0..=CHANGES_MAX {
            let change = Change::now(&number.to_string(), Changed::Set, "ann");
            record = record.with(Flags::default(), change);
        }
        assert_eq!(record.changes.len(), CHANGES_MAX);
        assert_eq!(record.changes[0].flag, "1");
    }

    #[test]
    fn another_format_is_not_read() {
        let text = r#"{"format":2,"definitions":{"flags":{}},"changes":[]}"#;
        assert!(Record::parse(text).unwrap_err().to_string().contains("format 2"));
        assert!(Record::parse("{").is_err());
    }
}
