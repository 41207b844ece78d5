//! What is wrong with a manifest, in a form that people and programs can read.
//!
//! With one problem per run, ten typos would need ten runs. So nothing here stops at the first
//! fault; all problems are collected and returned together as one [`Errors`].

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

pub use crate::code::Code;

/// A range of bytes of the manifest's text.
pub type Span = Range<usize>;

/// One problem: what is wrong, where, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    message: String,
    labels: Vec<Label>,
    hint: Option<String>,
    severity: Severity,
}

/// A marked place of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Bytes of the manifest's text.
    pub span: Span,
    /// What is to be seen there.
    pub text: String,
}

impl Problem {
    /// A problem without a place yet. `message` is a whole clause without a full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let (labels, severity) = (Vec::new(), Severity::Error);
        Self { code, message: message.into(), labels, hint: None, severity }
    }

    /// Makes it a warning: this host continues anyway.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Marks a place; the first one is where the problem is said to be.
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
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong, without place and advice.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The marked places, the most telling first.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The hint on how to fix it, if any.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn start(&self) -> usize {
        self.labels.first().map_or(0, |label| label.span.start)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Problem {}

impl Diagnostic for Problem {
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

/// Where problems are put down while a manifest is read.
///
/// Readers hold it by shared reference: many of them are alive at once, one per table.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(crate) fn push(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    /// `Ok` if nothing was put down.
    pub(crate) fn into_result(self, path: &Path, text: &str) -> Result<(), Errors> {
        let problems = self.0.into_inner();
        if problems.is_empty() { Ok(()) } else { Err(Errors::new(path, text, problems)) }
    }
}

/// Everything that is wrong with a manifest, in the order of its text.
///
/// `{}` is one line with the first problem and how many there are; `{:#}` is one line per
/// problem with its place, code and hint. As a [`miette::Diagnostic`] it carries the text, and
/// gives each problem as a related diagnostic.
#[derive(Debug)]
pub struct Errors {
    path: PathBuf,
    source: NamedSource<String>,
    problems: Vec<Problem>,
}

impl Errors {
    pub(crate) fn new(path: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(Problem::start);
        let source = NamedSource::new(path.display().to_string(), text.to_owned());
        Self { path: path.to_owned(), source, problems }
    }

    /// The problems in the order of the manifest's text; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The file that they are about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `path:line:column` of a problem; the path alone if it has no place.
    fn place(&self, problem: &Problem) -> String {
        let path = self.path.display();
        let Some(label) = problem.labels.first() else { return path.to_string() };
        let (line, column) = line_and_column(self.source.inner(), label.span.start);
        format!("{path}:{line}:{column}")
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.get(line_start..).map_or(0, |line| line.chars().count()) + 1)
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.problems.iter().try_for_each(|problem| {
                writeln!(f, "{}: {problem} [{}]", self.place(problem), problem.code)?;
                problem.advice().map_or(Ok(()), |hint| writeln!(f, "  hint: {hint}"))
            });
        }
        match self.problems.as_slice() {
            [] => Ok(()),
            [only] => write!(f, "{}: {only}", self.place(only)),
            [first, ..] => {
                let count = self.problems.len();
                write!(f, "{count} problems, the first at {}: {first}", self.place(first))
            }
        }
    }
}

impl Error for Errors {}

impl Errors {
    /// A problem that is alone is shown as the error itself, not as a list of one.
    fn only(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

impl Diagnostic for Errors {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Diagnostic::code(self.only()?)
    }

    fn severity(&self) -> Option<Severity> {
        self.problems.iter().map(|problem| problem.severity).max()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only()?.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Diagnostic::labels(self.only()?)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let all = self.problems.iter().map(|problem| problem as &dyn Diagnostic);
        self.only().is_none().then(|| Box::new(all) as Box<_>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors() -> Errors {
        let late = Problem::new(Code::UnknownKey, "later").label(9..10, "here").hint("remove it");
        let early = Problem::new(Code::Syntax, "earlier").label(3..4, "here");
        Errors::new(Path::new("spin.toml"), "é\n# x\ny = 1\n", vec![late, early])
    }

    #[test]
    fn the_short_form_names_the_first_place_and_counts_the_rest() {
        assert_eq!(errors().to_string(), "2 problems, the first at spin.toml:2:1: earlier");
    }

    #[test]
    fn the_long_form_has_a_line_for_each() {
        let expected = "spin.toml:2:1: earlier [tessera::manifest::syntax]\n\
                        spin.toml:3:3: later [tessera::manifest::unknown_key]\n  hint: remove it\n";
        assert_eq!(format!("{:#}", errors()), expected);
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(line_and_column("éé=", 4), (1, 3));
        assert_eq!(line_and_column("a", 99), (1, 2));
    }
}
