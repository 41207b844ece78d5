//! What an application was read from, so that later findings can point into the manifest.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::problem::{Errors, Problem, Span};
use crate::tree::Places;

/// A manifest's path, text and places.
#[derive(Clone)]
pub struct Origin {
    path: PathBuf,
    text: Arc<str>,
    places: Arc<Places>,
}

impl Origin {
    pub(crate) fn new(path: &Path, text: &str, places: Places) -> Self {
        Self { path: path.to_owned(), text: text.into(), places: Arc::new(places) }
    }

    /// The manifest's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of a value, by its path in the manifest as `component.cart.source`.
    pub fn span(&self, path: &str) -> Option<Span> {
        self.places.has(path).then(|| self.places.value(path))
    }

    /// Joins problems that were found later with the text that they point into; `None` if
    /// there are none.
    pub fn errors(&self, problems: Vec<Problem>) -> Option<Errors> {
        (!problems.is_empty()).then(|| Errors::new(&self.path, &self.text, problems))
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.path).finish()
    }
}
