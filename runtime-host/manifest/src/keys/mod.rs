//! The keys of the `tool.tessera` tables, each declared once.
//!
//! The reader takes names, ranges and defaults from these declarations, and the tables of
//! `docs/manifest.md` and `docs/limits.md` are generated from them. There is one module per table.

pub mod application;
pub mod calls;
pub mod component;
pub mod events;
pub mod limits;
pub mod policy;
pub mod schedule;
pub mod subscribe;

use std::ops::RangeInclusive;

/// Declares the keys of a table: a constant for each, and one for all of them.
macro_rules! keys {
    ($(#[$table_doc:meta])+ $table:ident {
        $($(#[doc = $doc:literal])+ $key:ident: $kind:ident($($argument:expr),+);)+
    }) => {
        $(
            $(#[doc = $doc])+
            pub(crate) const $key: $crate::keys::$kind =
                $crate::keys::$kind::new($($argument,)+ concat!($($doc),+));
        )+
        $(#[$table_doc])+
        pub const $table: &[$crate::keys::Key] = &[$($crate::keys::Key::$kind($key)),+];
    };
}
use keys;

/// Declares a table of numbers that all have defaults: its keys, and a type for its values.
macro_rules! numbers {
    ($(#[$values_doc:meta])+ $Values:ident, $(#[$table_doc:meta])+ $table:ident {
        $($(#[doc = $doc:literal])+ $name:ident: $range:expr, $unit:literal, $default:literal;)+
    }) => {
        $(#[$values_doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize,
        )]
        #[serde(default)]
        pub struct $Values {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Default for $Values {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        $(#[$table_doc])+
        pub const $table: &[$crate::keys::Key] = &[
            $($crate::keys::Key::Number($crate::keys::Number::new(
                stringify!($name), $range, $unit, Some($default), concat!($($doc),+),
            ))),+
        ];

        impl $Values {
            /// Reads each number with `read`.
            pub(crate) fn read(
                mut read: impl FnMut(&$crate::keys::Number) -> Option<u64>,
            ) -> Self {
                Self {
                    $($name: read(&$crate::keys::Number::new(
                        stringify!($name), $range, $unit, Some($default), concat!($($doc),+),
                    )).unwrap_or($default),)+
                }
            }
        }
    };
}
use numbers;

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Its value is a number.
    Number(Number),
    /// Its value has another type.
    Value(Value),
}

/// A key with a number as its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Its name, which ends with the unit if that is not a count.
    pub name: &'static str,
    /// The numbers that are allowed.
    pub range: RangeInclusive<u64>,
    /// What the number counts.
    pub unit: &'static str,
    /// The value if the key is missing; `None` if it is required.
    pub default: Option<u64>,
    /// The same for an application without settings of this host, if there is a difference.
    pub stock_default: Option<u64>,
    description: &'static str,
}

/// A key whose value is not a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its name.
    pub name: &'static str,
    /// The values that are allowed.
    pub values: &'static str,
    /// What a missing key means.
    pub default: &'static str,
    description: &'static str,
}

impl Number {
    const fn new(
        name: &'static str,
        range: RangeInclusive<u64>,
        unit: &'static str,
        default: Option<u64>,
        description: &'static str,
    ) -> Self {
        Self { name, range, unit, default, stock_default: None, description }
    }

    const fn for_stock(mut self, default: u64) -> Self {
        self.stock_default = Some(default);
        self
    }
}

impl Value {
    const fn new(
        name: &'static str,
        values: &'static str,
        default: &'static str,
        description: &'static str,
    ) -> Self {
        Self { name, values, default, description }
    }
}

impl Key {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Number(number) => number.name,
            Self::Value(value) => value.name,
        }
    }

    /// What it is for, in Markdown.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Number(number) => number.description.trim(),
            Self::Value(value) => value.description.trim(),
        }
    }
}
