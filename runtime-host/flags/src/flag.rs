//! One flag, valid by construction.

use crate::json::{self, At};
use crate::problem::Problems;
use crate::read;
use crate::rule::Rule;
use serde_json::{Map, Value as Json};
use std::fmt;
use std::sync::Arc;

/// The type of the values of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A text.
    String,
    /// A whole number of at most 53 bits.
    Integer,
    /// A number.
    Double,
    /// An object of JSON.
    Object,
}

/// The value of a variant.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of the type `boolean`.
    Boolean(bool),
    /// Of the type `string`.
    String(Arc<str>),
    /// Of the type `integer`.
    Integer(i64),
    /// Of the type `double`.
    Double(f64),
    /// Of the type `object`, as JSON.
    Object(Arc<str>),
}

/// A value with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Value,
}

/// A flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    pub(crate) key: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) enabled: bool,
    pub(crate) variants: Vec<Variant>,
    /// The number of the default variant.
    pub(crate) default: usize,
    pub(crate) rules: Vec<Rule>,
    pub(crate) definition: Map<String, Json>,
}

impl Flag {
    /// Reads the definition of one flag.
    ///
    /// # Errors
    /// All problems, with pointers from the definition's beginning.
    pub fn parse(key: &str, text: &[u8]) -> Result<Self, Problems> {
        let json = json::read(text)?;
        let mut problems = json::Found::default();
        read::check_key(key, "", &mut problems);
        let flag = read::flag(key, &At::root(&json), &mut problems);
        problems.none_or(flag)
    }

    /// Its key.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The type of its values.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is switched on.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Its variants.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// Its definition, as it was written.
    pub fn definition(&self) -> &Map<String, Json> {
        &self.definition
    }

    /// The same flag, switched on or off.
    #[must_use]
    pub fn switched(&self, enabled: bool) -> Self {
        let mut flag = self.clone();
        flag.enabled = enabled;
        let state = if enabled { read::ENABLED } else { read::DISABLED };
        flag.definition.insert(read::STATE.to_owned(), Json::from(state));
        flag
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Boolean, Self::String, Self::Integer, Self::Double, Self::Object];

    /// Its name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// As JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Boolean(value) => Json::from(*value),
            Self::String(text) => Json::from(&**text),
            Self::Integer(number) => Json::from(*number),
            Self::Double(number) => Json::from(*number),
            Self::Object(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }
}
