//! The source of an application, so that problems found later can point into the manifest.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::reader::{Errors, Problem, Span, SpanIndex};

/// The path, the text and the spans of a manifest.
#[derive(Clone)]
pub struct Origin {
    path: PathBuf,
    text: Arc<str>,
    spans: Arc<SpanIndex>,
}

impl Origin {
    pub(crate) fn new(path: &Path, text: &str, spans: SpanIndex) -> Self {
        Self { path: path.to_owned(), text: text.into(), spans: Arc::new(spans) }
    }

    /// The manifest's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
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
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.path).finish()
    }
}
