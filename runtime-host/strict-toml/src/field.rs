//! A value that is to be read, with its path for messages.
//!
//! A method that returns `None` has reported why.

use crate::code::Code;
use crate::problem::{Problems, Span};
use crate::suggest::suggestion;
use crate::table::Table;
use crate::tree::{Key, Kind, Node};

/// A value that is to be read.
#[derive(Clone)]
pub struct Field<'a, C> {
    /// Its path in the document, for example `component.cart.source`; empty for the document.
    pub path: String,
    /// The span of its key.
    pub key: Span,
    pub(crate) node: &'a Node,
    /// Where problems of this value are reported.
    pub problems: &'a Problems<C>,
}

impl<'a, C: Code> Field<'a, C> {
    pub(crate) fn root(node: &'a Node, problems: &'a Problems<C>) -> Self {
        Self { path: String::new(), key: 0..0, node, problems }
    }

    /// The span of the value.
    pub fn span(&self) -> Span {
        self.node.span.clone()
    }

    /// Whether the value is a string.
    pub fn is_string(&self) -> bool {
        matches!(self.node.kind, Kind::String(_))
    }

    /// Whether the value is a boolean.
    pub fn is_boolean(&self) -> bool {
        matches!(self.node.kind, Kind::Boolean(_))
    }

    /// Whether the value is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.node.kind, Kind::Table(_))
    }

    /// Reports this value, with a message that starts with its path.
    pub fn report(&self, code: C, message: &str, label: &str, hint: &str) {
        self.problems.report(code, format!("`{}` {message}", self.path), self.span(), label, hint);
    }

    /// Reports that this value is not `what`, for example "a label".
    pub fn report_invalid(&self, code: C, what: &str, why: &str, hint: &str) {
        self.report(code, &format!("is not {what}: {why}"), &format!("not {what}"), hint);
    }

    /// Reports that the value has the wrong type; `expected` is for example "a string".
    pub fn wrong_type(&self, expected: &str) {
        let found = self.node.kind.name();
        let message = format!("must be {expected}, not {found}");
        self.report(C::WRONG_TYPE, &message, found, &format!("write {expected} here"));
    }

    /// The value as a string.
    pub fn string(&self) -> Option<String> {
        match &self.node.kind {
            Kind::String(value) => Some(value.clone()),
            _ => {
                self.wrong_type("a string");
                None
            }
        }
    }

    /// The value as a string with at least one character that is not white space.
    pub fn text(&self) -> Option<String> {
        let text = self.string()?;
        if text.trim().is_empty() {
            let hint = "write a value, or remove the key";
            self.report(C::EMPTY_VALUE, "must not be empty", "empty", hint);
            return None;
        }
        Some(text)
    }

    /// What the value means: it has to be one of these words.
    pub fn one_of<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let written = self.text()?;
        let meaning = words.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning);
        if meaning.is_none() {
            let message = format!("has the unknown value `{written}`");
            let hint = suggestion(&written, words.iter().map(|(word, _)| *word));
            self.report(C::BAD_VALUE, &message, "unknown value", &hint);
        }
        meaning
    }

    /// The value as a boolean.
    pub fn boolean(&self) -> Option<bool> {
        match self.node.kind {
            Kind::Boolean(value) => Some(value),
            _ => {
                self.wrong_type("a boolean");
                None
            }
        }
    }

    /// The value as an integer.
    pub fn integer(&self) -> Option<i64> {
        match self.node.kind {
            Kind::Integer(value) => Some(value),
            _ => {
                self.wrong_type("an integer");
                None
            }
        }
    }

    /// The items of an array.
    pub fn items(&self) -> Option<Vec<Self>> {
        let Kind::Array(items) = &self.node.kind else {
            self.wrong_type("an array");
            return None;
        };
        let field = |(index, node): (usize, &'a Node)| Self {
            path: format!("{}[{index}]", self.path),
            key: node.span.clone(),
            node,
            problems: self.problems,
        };
        Some(items.iter().enumerate().map(field).collect())
    }

    /// The items of an array of non-empty strings. Other items are reported and left out.
    pub fn texts(&self) -> Vec<String> {
        let items = self.items().unwrap_or_default();
        items.iter().filter_map(Self::text).collect()
    }

    /// The items of an array; `None`, without a report, if the value has another type.
    pub fn items_if_array(&self) -> Option<Vec<Self>> {
        matches!(self.node.kind, Kind::Array(_)).then(|| self.items()).flatten()
    }

    /// A string of a table; `None`, without a report, if there is none.
    pub fn string_at(&self, name: &str) -> Option<String> {
        let Kind::Table(entries) = &self.node.kind else { return None };
        entries.iter().find(|(key, _)| key.name == name).and_then(|(_, node)| match &node.kind {
            Kind::String(value) => Some(value.clone()),
            _ => None,
        })
    }

    /// The entries of a table with arbitrary keys.
    pub fn entries(&self) -> Vec<(&'a Key, Self)> {
        self.table().map(|table| table.entries()).unwrap_or_default()
    }

    /// The entries of a table with arbitrary keys and strings as values.
    pub fn string_entries(&self) -> impl Iterator<Item = (&'a Key, String)> {
        let entries = self.entries().into_iter();
        entries.filter_map(|(key, field)| Some((key, field.string()?)))
    }

    /// The value as a table with a fixed set of keys.
    pub fn table(&self) -> Option<Table<'a, C>> {
        let Kind::Table(entries) = &self.node.kind else {
            self.wrong_type("a table");
            return None;
        };
        Some(Table::new(self.clone(), entries))
    }
}
