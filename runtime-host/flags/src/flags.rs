//! The flags of an application.

use crate::flag::Flag;
use crate::json::{self, At, Found};
use crate::limits::FLAGS_MAX;
use crate::problem::Problems;
use crate::read;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Flags by key. A clone shares them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    pub(crate) all: BTreeMap<Arc<str>, Arc<Flag>>,
}

/// There are as many flags as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyFlags;

impl Flags {
    /// Reads a document of definitions.
    ///
    /// # Errors
    /// All problems, with their places.
    pub fn parse(text: &[u8]) -> Result<Self, Problems> {
        let json = json::read(text)?;
        let mut problems = Found::default();
        let flags = read::document(&At::root(&json), &mut problems);
        problems.none_or(Some(flags))
    }

    /// The flag with this key.
    pub fn get(&self, key: &str) -> Option<&Arc<Flag>> {
        self.all.get(key)
    }

    /// All flags, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Flag>> {
        self.all.values()
    }

    /// The same flags with this one, which replaces one with the same key.
    ///
    /// # Errors
    /// There would be too many.
    pub fn with(&self, flag: Flag) -> Result<Self, TooManyFlags> {
        let mut all = self.all.clone();
        all.insert(flag.key.clone(), Arc::new(flag));
        if all.len() > FLAGS_MAX { Err(TooManyFlags) } else { Ok(Self { all }) }
    }

    /// The same flags without the one with this key.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let mut all = self.all.clone();
        all.remove(key);
        Self { all }
    }

    /// These flags, except where `others` have one with the same key.
    ///
    /// # Errors
    /// There would be too many.
    pub fn overlaid(&self, others: &Self) -> Result<Self, TooManyFlags> {
        let mut all = self.all.clone();
        all.extend(others.all.iter().map(|(key, flag)| (key.clone(), flag.clone())));
        if all.len() > FLAGS_MAX { Err(TooManyFlags) } else { Ok(Self { all }) }
    }

    /// As a document that [`Flags::parse`] reads.
    pub fn to_json(&self) -> serde_json::Value {
        let all =
            self.iter().map(|flag| (flag.key().to_string(), flag.definition().clone().into()));
        serde_json::json!({ read::FLAGS: all.collect::<serde_json::Map<_, _>>() })
    }
}

impl fmt::Display for TooManyFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an application has at most {FLAGS_MAX} flags: remove some")
    }
}

impl std::error::Error for TooManyFlags {}
