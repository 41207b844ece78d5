//! The manifest as a tree of values, each with its place in the text.
//!
//! `toml_edit` tells apart what is written differently and means the same: tables, inline
//! tables and dotted keys, arrays and arrays of tables. A reader of manifests must not, so
//! this is the one place that does.

use std::collections::BTreeMap;

use toml_edit::{Document, Item, TableLike, Value};

use crate::problem::{Code, Problem, Span};

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    /// The value; for a table with a header or dotted keys, its name.
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Text(String),
    Integer(i64),
    Boolean(bool),
    Float,
    Time,
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl Kind {
    /// What it is called in a message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Float => "a float",
            Self::Time => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads TOML.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let document = Document::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(text.len()..text.len());
        Problem::new(Code::Syntax, format!("the manifest is not TOML: {}", error.message().trim()))
            .label(span, "here")
            .hint(syntax_hint(error.message()))
    })?;
    Ok(Node { span: 0..0, kind: table(document.as_table()) })
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "a key or table may be written once: join the two, or rename one"
    } else {
        "the rest of the file is checked once this can be read"
    }
}

fn table(table: &dyn TableLike) -> Kind {
    let entry = |(name, item): (&str, &Item)| {
        let key = table.get_key_value(name).and_then(|(key, _)| key.span()).unwrap_or_default();
        let node = item_node(item, &key);
        (Key { name: name.to_owned(), span: key }, node)
    };
    Kind::Table(table.iter().map(entry).collect())
}

fn item_node(item: &Item, key: &Span) -> Node {
    match item {
        Item::Value(value) => value_node(value, key),
        Item::Table(inner) => Node { span: key.clone(), kind: table(inner) },
        Item::ArrayOfTables(tables) => {
            let node = |inner: &toml_edit::Table| Node {
                span: inner.span().unwrap_or_else(|| key.clone()),
                kind: table(inner),
            };
            Node { span: key.clone(), kind: Kind::List(tables.iter().map(node).collect()) }
        }
        Item::None => Node { span: key.clone(), kind: Kind::Table(Vec::new()) },
    }
}

fn value_node(value: &Value, key: &Span) -> Node {
    let span = value.span().unwrap_or_else(|| key.clone());
    let kind = match value {
        Value::String(text) => Kind::Text(text.value().clone()),
        Value::Integer(number) => Kind::Integer(*number.value()),
        Value::Boolean(boolean) => Kind::Boolean(*boolean.value()),
        Value::Float(_) => Kind::Float,
        Value::Datetime(_) => Kind::Time,
        Value::Array(array) => {
            Kind::List(array.iter().map(|value| value_node(value, &span)).collect())
        }
        Value::InlineTable(inner) => table(inner),
    };
    Node { span, kind }
}

/// Where everything is written, by path (`component.cart.files[0].source`).
///
/// Checks across the manifest work on the finished types, which hold no places; they ask here.
#[derive(Clone, Default)]
pub(crate) struct Places(BTreeMap<String, (Span, Span)>);

impl Places {
    /// The places of a tree.
    pub(crate) fn of(root: &Node) -> Self {
        let mut places = Self::default();
        places.visit("", root);
        places
    }

    fn visit(&mut self, path: &str, node: &Node) {
        match &node.kind {
            Kind::Table(entries) => {
                for (key, child) in entries {
                    self.add(join(path, &key.name), key.span.clone(), child);
                }
            }
            Kind::List(items) => {
                for (index, child) in items.iter().enumerate() {
                    self.add(format!("{path}[{index}]"), child.span.clone(), child);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, path: String, key: Span, node: &Node) {
        self.visit(&path, node);
        self.0.insert(path, (key, node.span.clone()));
    }

    /// The key at a path; the start of the text if there is none.
    pub(crate) fn key(&self, path: &str) -> Span {
        self.0.get(path).map(|(key, _)| key.clone()).unwrap_or_default()
    }

    /// The value at a path; the start of the text if there is none.
    pub(crate) fn value(&self, path: &str) -> Span {
        self.0.get(path).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Whether something is written there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}

/// The path of a key in a table: bare where TOML needs no quotes.
pub(crate) fn join(path: &str, key: &str) -> String {
    let bare =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
