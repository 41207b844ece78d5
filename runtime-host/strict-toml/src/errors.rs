//! All problems of a document, as one error.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use crate::code::Code;
use crate::problem::Problem;

/// All problems of a document, in the order of its text.
///
/// `{}` is one line with the first problem and the number of problems; `{:#}` is one line per
/// problem with its location and code, and one with its hint. As a [`miette::Diagnostic`] it has
/// the text as source code and each problem as a related diagnostic.
#[derive(Debug)]
pub struct Errors<C> {
    path: PathBuf,
    source: NamedSource<String>,
    problems: Vec<Problem<C>>,
}

impl<C: Code> Errors<C> {
    /// Problems of the document at `path` with this text.
    pub fn new(path: &Path, text: &str, mut problems: Vec<Problem<C>>) -> Self {
        problems.sort_by_key(Problem::start);
        let source = NamedSource::new(path.display().to_string(), text.to_owned());
        Self { path: path.to_owned(), source, problems }
    }

    /// The problems in the order of the text.
    pub fn problems(&self) -> &[Problem<C>] {
        &self.problems
    }

    /// The document's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `path:line:column` of a problem; only the path if it has no label.
    fn location(&self, problem: &Problem<C>) -> String {
        let path = self.path.display();
        let Some(label) = problem.labels().first() else { return path.to_string() };
        let (line, column) = line_and_column(self.source.inner(), label.span.start);
        format!("{path}:{line}:{column}")
    }

    /// A single problem is shown as the error itself, not as a list of one.
    fn only(&self) -> Option<&Problem<C>> {
        match self.problems.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.get(line_start..).map_or(0, |line| line.chars().count()) + 1)
}

impl<C: Code> fmt::Display for Errors<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.problems.iter().try_for_each(|problem| {
                writeln!(f, "{}: {problem} [{}]", self.location(problem), problem.code())?;
                problem.advice().map_or(Ok(()), |hint| writeln!(f, "  hint: {hint}"))
            });
        }
        match self.problems.as_slice() {
            [] => Ok(()),
            [only] => write!(f, "{}: {only}", self.location(only)),
            [first, ..] => {
                let count = self.problems.len();
                write!(f, "{count} problems, the first at {}: {first}", self.location(first))
            }
        }
    }
}

impl<C: Code> Error for Errors<C> {}

impl<C: Code> Diagnostic for Errors<C> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Diagnostic::code(self.only()?)
    }

    fn severity(&self) -> Option<Severity> {
        self.problems.iter().map(Problem::severity).max()
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
    use crate::testing::Code;

    fn errors() -> Errors<Code> {
        let late = Problem::new(Code::UnknownKey, "later").label(9..10, "here");
        let early = Problem::new(Code::Syntax, "earlier").label(3..4, "here");
        let problems = vec![late.hint("remove it"), early];
        Errors::new(Path::new("spin.toml"), "é\n# x\ny = 1\n", problems)
    }

    #[test]
    fn the_short_form_has_the_first_problem_and_the_count() {
        assert_eq!(errors().to_string(), "2 problems, the first at spin.toml:2:1: earlier");
    }

    #[test]
    fn the_long_form_has_a_line_for_each() {
        let expected = "spin.toml:2:1: earlier [test::syntax]\n\
                        spin.toml:3:3: later [test::unknown_key]\n  hint: remove it\n";
        assert_eq!(format!("{:#}", errors()), expected);
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(line_and_column("éé=", 4), (1, 3));
        assert_eq!(line_and_column("a", 99), (1, 2));
    }
}
