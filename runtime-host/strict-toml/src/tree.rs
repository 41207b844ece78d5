//! A document as a tree of values, each with its span.
//!
//! `toml_edit` distinguishes notations that mean the same: tables, inline tables and dotted keys,
//! arrays and arrays of tables. The rest of this crate does not.

use toml_edit::{Item, TableLike, Value};

use crate::problem::Span;

/// A value and its span.
#[derive(Debug)]
pub(crate) struct Node {
    /// The value; for a table with a header or dotted keys, its name.
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    String(String),
    Integer(i64),
    Boolean(bool),
    Float,
    Datetime,
    Array(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key and its span.
#[derive(Debug)]
pub struct Key {
    /// The key without quotes.
    pub name: String,
    /// Where it is written.
    pub span: Span,
}

impl Kind {
    /// The type, as messages name it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Float => "a float",
            Self::Datetime => "a date-time",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// The path of a key in a table: bare where TOML needs no quotes.
pub fn join(path: &str, key: &str) -> String {
    let bare =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

pub(crate) fn table(table: &dyn TableLike) -> Kind {
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
            Node { span: key.clone(), kind: Kind::Array(tables.iter().map(node).collect()) }
        }
        Item::None => Node { span: key.clone(), kind: Kind::Table(Vec::new()) },
    }
}

fn value_node(value: &Value, key: &Span) -> Node {
    let span = value.span().unwrap_or_else(|| key.clone());
    let kind = match value {
        Value::String(text) => Kind::String(text.value().clone()),
        Value::Integer(number) => Kind::Integer(*number.value()),
        Value::Boolean(boolean) => Kind::Boolean(*boolean.value()),
        Value::Float(_) => Kind::Float,
        Value::Datetime(_) => Kind::Datetime,
        Value::Array(array) => {
            Kind::Array(array.iter().map(|value| value_node(value, &span)).collect())
        }
        Value::InlineTable(inner) => table(inner),
    };
    Node { span, kind }
}
