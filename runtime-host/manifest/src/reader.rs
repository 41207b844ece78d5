//! The strict reader of TOML, with the codes of the manifest.

pub(crate) use tessera_strict_toml::{Key, SpanIndex, join, listed, nearest, suggestion};

pub use tessera_strict_toml::{Label, Span};

pub use crate::code::Code;

/// A problem of a manifest.
pub type Problem = tessera_strict_toml::Problem<Code>;

/// All problems of a manifest.
pub type Errors = tessera_strict_toml::Errors<Code>;

pub(crate) type Field<'a> = tessera_strict_toml::Field<'a, Code>;
pub(crate) type Problems = tessera_strict_toml::Problems<Code>;
pub(crate) type Table<'a> = tessera_strict_toml::Table<'a, Code>;
