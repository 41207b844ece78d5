//! Typed, strict access to the tree: what is read is what is allowed.
//!
//! A [`Table`] remembers the keys that it was asked for, and [`Table::finish`] reports all
//! others. So the set of known keys is written once, by reading them, and cannot drift from
//! a list beside it. Every reader returns `None` for a value that it has reported.

use crate::names::nearest;
use crate::problem::{Code, Problem, Problems, Span};
use crate::tree::{Key, Kind, Node, join};

/// A value that is to be read, with its path for messages.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) path: String,
    pub(crate) key: Span,
    node: &'a Node,
    pub(crate) problems: &'a Problems,
}

/// A value that was read, with its place.
#[derive(Debug, Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(crate) fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self { path: String::new(), key: 0..0, node, problems }
    }

    pub(crate) fn span(&self) -> Span {
        self.node.span.clone()
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.node.kind, Kind::Text(_))
    }

    pub(crate) fn is_boolean(&self) -> bool {
        matches!(self.node.kind, Kind::Boolean(_))
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.node.kind, Kind::Table(_))
    }

    /// Reports this value with a message that starts with its path.
    pub(crate) fn fault(&self, code: Code, message: &str, label: &str, hint: &str) {
        let problem = Problem::new(code, format!("`{}` {message}", self.path));
        self.problems.push(problem.label(self.span(), label).hint(hint));
    }

    /// Reports that the value has the wrong type; `expected` as "a string".
    pub(crate) fn wrong_type(&self, expected: &str) {
        let found = self.node.kind.name();
        self.problems.push(
            Problem::new(Code::WrongType, format!("`{}` must be {expected}", self.path))
                .label(self.span(), format!("this is {found}"))
                .hint(format!("write {expected} here")),
        );
    }

    pub(crate) fn text(&self) -> Option<Spanned<String>> {
        match &self.node.kind {
            Kind::Text(value) => Some(Spanned { value: value.clone(), span: self.span() }),
            _ => {
                self.wrong_type("a string");
                None
            }
        }
    }

    /// A string with at least one character that is not white space.
    pub(crate) fn filled_text(&self) -> Option<Spanned<String>> {
        let text = self.text()?;
        if text.value.trim().is_empty() {
            self.fault(
                Code::EmptyValue,
                "is empty",
                "nothing in here",
                "write a value, or remove the key",
            );
            return None;
        }
        Some(text)
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.node.kind {
            Kind::Boolean(value) => Some(value),
            _ => {
                self.wrong_type("a boolean");
                None
            }
        }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self.node.kind {
            Kind::Integer(value) => Some(value),
            _ => {
                self.wrong_type("an integer");
                None
            }
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Field<'a>>> {
        let Kind::List(items) = &self.node.kind else {
            self.wrong_type("a list");
            return None;
        };
        let field = |(index, node): (usize, &'a Node)| Field {
            path: format!("{}[{index}]", self.path),
            key: node.span.clone(),
            node,
            problems: self.problems,
        };
        Some(items.iter().enumerate().map(field).collect())
    }

    /// A list of filled strings; those that are none are reported and left out.
    pub(crate) fn texts(&self) -> Vec<Spanned<String>> {
        let items = self.items().unwrap_or_default();
        items.iter().filter_map(Field::filled_text).collect()
    }

    /// The items of a list, without a word if it is none: somebody else reports that.
    pub(crate) fn quiet_items(&self) -> Option<Vec<Field<'a>>> {
        matches!(self.node.kind, Kind::List(_)).then(|| self.items()).flatten()
    }

    /// A string of a table, without a word if it is none.
    pub(crate) fn quiet_text(&self, name: &str) -> Option<String> {
        let Kind::Table(entries) = &self.node.kind else { return None };
        entries.iter().find(|(key, _)| key.name == name).and_then(|(_, node)| match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// The entries of a table whose keys are free.
    pub(crate) fn entries(&self) -> Vec<(&'a Key, Field<'a>)> {
        self.table().map(|table| table.all()).unwrap_or_default()
    }

    /// A table with strings as values.
    pub(crate) fn text_entries(&self) -> impl Iterator<Item = (&'a Key, String)> {
        let entries = self.entries().into_iter();
        entries.filter_map(|(key, field)| field.text().map(|text| (key, text.value)))
    }

    pub(crate) fn table(&self) -> Option<Table<'a>> {
        let Kind::Table(entries) = &self.node.kind else {
            self.wrong_type("a table");
            return None;
        };
        Some(Table { field: self.clone(), entries, known: Vec::new() })
    }
}

/// A table with a fixed set of keys.
pub(crate) struct Table<'a> {
    pub(crate) field: Field<'a>,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn field_at(&self, key: &Key, node: &'a Node) -> Field<'a> {
        Field {
            path: join(&self.field.path, &key.name),
            key: key.span.clone(),
            node,
            problems: self.field.problems,
        }
    }

    fn all(&self) -> Vec<(&'a Key, Field<'a>)> {
        self.entries.iter().map(|(key, node)| (key, self.field_at(key, node))).collect()
    }

    /// Whether the key is there; does not make it a known one.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.name == name)
    }

    pub(crate) fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        Some(self.field_at(key, node))
    }

    /// Reports the key if it is not there; `hint` is the line to add.
    pub(crate) fn required(&mut self, name: &'static str, hint: &str) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            let at = self.field.span();
            let place = match self.field.path.as_str() {
                "" => "the manifest".to_owned(),
                path => format!("`{path}`"),
            };
            self.field.problems.push(
                Problem::new(Code::MissingKey, format!("{place} has no `{name}`"))
                    .label(at, format!("`{name}` is missing"))
                    .hint(hint),
            );
        }
        field
    }

    /// A key that is read to be refused: present or not, it is never offered in a hint.
    pub(crate) fn retired(&mut self, name: &'static str) -> Option<Field<'a>> {
        if self.has(name) { self.optional(name) } else { None }
    }

    /// A key that Spin knows and that cannot be honoured here: reported, with the reason.
    pub(crate) fn unsupported(&mut self, name: &'static str, why: &str, hint: &str) {
        let Some((key, node)) = self.entries.iter().find(|(key, _)| key.name == name) else {
            return;
        };
        self.known.push(name);
        let field = self.field_at(key, node);
        let problem = Problem::new(Code::Unsupported, format!("`{}` {why}", field.path));
        field.problems.push(problem.label(field.key, "not offered").hint(hint));
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        Some(self.optional(name)?.text()?.value)
    }

    /// Reports all keys that nobody asked for.
    pub(crate) fn finish(self) {
        let unknown = self.entries.iter().filter(|(key, _)| !self.known.contains(&&*key.name));
        for (key, _) in unknown {
            let path = join(&self.field.path, &key.name);
            let hint = match nearest(&key.name, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", listed(&self.known)),
            };
            self.field.problems.push(
                Problem::new(Code::UnknownKey, format!("unknown key `{path}`"))
                    .label(key.span.clone(), "nobody reads this key")
                    .hint(hint),
            );
        }
    }
}

/// "`a`, `b`, `c`"
pub(crate) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    quoted.join(", ")
}
