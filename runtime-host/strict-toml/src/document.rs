//! A parsed document.

use crate::code::Code;
use crate::problem::{Problem, Problems};
use crate::tree::{Node, table};
use crate::{Field, SpanIndex};

/// The values of a document, with their spans.
#[derive(Debug)]
pub struct Document {
    root: Node,
}

impl Document {
    /// Parses TOML. Reports a syntax error and returns `None`.
    pub fn parse<C: Code>(text: &str, problems: &Problems<C>) -> Option<Self> {
        match toml_edit::Document::parse(text) {
            Ok(document) => {
                Some(Self { root: Node { span: 0..0, kind: table(document.as_table()) } })
            }
            Err(error) => {
                let span = error.span().unwrap_or(text.len()..text.len());
                let message = error.message().trim();
                let problem = Problem::new(C::SYNTAX, format!("invalid TOML: {message}"));
                problems.push(problem.label(span, "here").hint(syntax_hint(message)));
                None
            }
        }
    }

    /// The top-level table. Problems found while it is read are added to `problems`.
    pub fn root<'a, C: Code>(&'a self, problems: &'a Problems<C>) -> Field<'a, C> {
        Field::root(&self.root, problems)
    }

    /// The spans of all keys and values.
    pub fn spans(&self) -> SpanIndex {
        SpanIndex::new(&self.root)
    }
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "a key or table can be defined only once: merge the two, or rename one"
    } else {
        "fix the syntax first: the rest of the file is checked after that"
    }
}
