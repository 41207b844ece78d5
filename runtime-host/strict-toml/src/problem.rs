//! A problem of a document: what is wrong, where, and how to fix it.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use miette::{Diagnostic, LabeledSpan, Severity};

use crate::code::Code;
use crate::errors::Errors;

/// A range of bytes of the document's text.
pub type Span = Range<usize>;

/// One problem: what is wrong, where, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem<C> {
    code: C,
    message: String,
    labels: Vec<Label>,
    hint: Option<String>,
    severity: Severity,
}

/// A marked span of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Bytes of the document's text.
    pub span: Span,
    /// What is wrong there.
    pub text: String,
}

impl<C: Code> Problem<C> {
    /// A problem without labels. `message` is a clause without a full stop.
    pub fn new(code: C, message: impl Into<String>) -> Self {
        let (labels, severity) = (Vec::new(), Severity::Error);
        Self { code, message: message.into(), labels, hint: None, severity }
    }

    /// Makes it a warning: the document is accepted anyway.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Marks a span. The first label is the location of the problem.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a hint on how to fix it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Its stable code.
    pub fn code(&self) -> C {
        self.code
    }

    /// What is wrong, without location and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The marked spans, the most important first.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The hint on how to fix it, if any.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn start(&self) -> usize {
        self.labels.first().map_or(0, |label| label.span.start)
    }

    pub(crate) fn severity(&self) -> Severity {
        self.severity
    }
}

impl<C: Code> fmt::Display for Problem<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<C: Code> Error for Problem<C> {}

impl<C: Code> Diagnostic for Problem<C> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let spans = self
            .labels
            .iter()
            .map(|label| LabeledSpan::new_with_span(Some(label.text.clone()), label.span.clone()));
        (!self.labels.is_empty()).then(|| Box::new(spans) as Box<_>)
    }
}

/// Collects problems while a document is read.
///
/// Readers share it by reference: there is one per table, and several exist at the same time.
#[derive(Debug)]
pub struct Problems<C>(RefCell<Vec<Problem<C>>>);

impl<C> Default for Problems<C> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<C: Code> Problems<C> {
    /// Adds a problem.
    pub fn push(&self, problem: Problem<C>) {
        self.0.borrow_mut().push(problem);
    }

    /// Adds a problem with one label.
    pub fn report(
        &self,
        code: C,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(Problem::new(code, message).label(span, label).hint(hint));
    }

    /// The warnings so far, which are then no longer among the problems.
    pub fn take_warnings(&self) -> Vec<Problem<C>> {
        let all = std::mem::take(&mut *self.0.borrow_mut());
        let is_warning = |problem: &Problem<C>| problem.severity == Severity::Warning;
        let (warnings, errors) = all.into_iter().partition(is_warning);
        *self.0.borrow_mut() = errors;
        warnings
    }

    /// Ends reading the document at `path`.
    ///
    /// # Errors
    /// All problems that were added, if any.
    pub fn into_result(self, path: &Path, text: &str) -> Result<(), Errors<C>> {
        let problems = self.0.into_inner();
        if problems.is_empty() { Ok(()) } else { Err(Errors::new(path, text, problems)) }
    }
}
