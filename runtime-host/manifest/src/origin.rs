//! The source of an application, so that problems found later can point into the manifest.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::Component;
use crate::reader::{Errors, Problem, Span, SpanIndex, join};

/// The version of a manifest's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// `spin_manifest_version = "1"`: it is read as if it had been written in version 2.
    One,
    /// `spin_manifest_version = 2`.
    #[default]
    Two,
}

/// The path, the text and the spans of a manifest.
#[derive(Clone)]
pub struct Origin {
    path: PathBuf,
    text: Arc<str>,
    spans: Arc<SpanIndex>,
    profile: Option<String>,
    pub(crate) version: Version,
    /// What was found while it was read, and does not prevent the application from running.
    pub(crate) warnings: Vec<Problem>,
}

impl Origin {
    pub(crate) fn new(path: &Path, text: &str, spans: SpanIndex, profile: Option<&str>) -> Self {
        Self {
            path: path.to_owned(),
            text: text.into(),
            spans: Arc::new(spans),
            profile: profile.map(str::to_owned),
            version: Version::default(),
            warnings: Vec::new(),
        }
    }

    /// The manifest's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The version of its format.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The build profile that was chosen.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The span of a value, by its path in the manifest, for example `component.cart.source`.
    pub fn span(&self, path: &str) -> Option<Span> {
        self.spans.contains(path).then(|| self.spans.value(path))
    }

    /// Joins problems that were found later with the text that they point into; `None` if there
    /// are none.
    pub fn errors(&self, problems: Vec<Problem>) -> Option<Errors> {
        (!problems.is_empty()).then(|| Errors::new(&self.path, &self.text, problems))
    }

    pub(crate) fn spans(&self) -> &SpanIndex {
        &self.spans
    }

    /// The path of a component's key (as in version 2): in the chosen profile, if that overrides
    /// it.
    pub(crate) fn path_of(&self, component: &Component, key: &str) -> String {
        let at = &component.written_at;
        if let Some(profile) = &self.profile {
            let overridden = format!("{}.{key}", join(&format!("{at}.profile"), profile));
            if self.spans.contains(&overridden) {
                return overridden;
            }
        }
        match key.strip_prefix("variables") {
            Some(rest) if self.version == Version::One => format!("{at}.config{rest}"),
            _ => format!("{at}.{key}"),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.path).finish()
    }
}
