//! The strict reader of TOML, with the codes of the runtime configuration file.

use std::fmt;

/// The kind of a problem; written `tessera::runtime_config::<name>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(&'static str);

impl Code {
    /// The file cannot be read.
    pub(super) const UNREADABLE: Self = Self("unreadable");
    /// A key of an older format beside the key that replaces it.
    pub(super) const CONFLICTING_KEYS: Self = Self("conflicting_keys");
    /// A file that the configuration names is unusable.
    pub(super) const BAD_FILE: Self = Self("bad_file");
}

impl tessera_strict_toml::Code for Code {
    const SYNTAX: Self = Self("syntax");
    const UNKNOWN_KEY: Self = Self("unknown_key");
    const MISSING_KEY: Self = Self("missing_key");
    const WRONG_TYPE: Self = Self("wrong_type");
    const EMPTY_VALUE: Self = Self("empty_value");
    const BAD_VALUE: Self = Self("bad_value");
    const UNSUPPORTED: Self = Self("unsupported");
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tessera::runtime_config::{}", self.0)
    }
}

/// All problems of the file.
pub(crate) type Errors = tessera_strict_toml::Errors<Code>;

pub(super) type Problem = tessera_strict_toml::Problem<Code>;
pub(super) type Problems = tessera_strict_toml::Problems<Code>;
pub(super) type Field<'a> = tessera_strict_toml::Field<'a, Code>;
pub(super) type Table<'a> = tessera_strict_toml::Table<'a, Code>;
