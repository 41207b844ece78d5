//! The strict reader of TOML, with the codes of the runtime configuration file.

tessera_strict_toml::codes! {
    pub(crate) enum Code in "tessera::runtime_config" {
        /// The file cannot be read.
        Unreadable => "unreadable",
        /// A key of an older format beside the key that replaces it.
        ConflictingKeys => "conflicting_keys",
        /// A file that the configuration names is unusable.
        BadFile => "bad_file",
    }
}

/// All problems of the file.
pub(crate) type Errors = tessera_strict_toml::Errors<Code>;

pub(super) type Problem = tessera_strict_toml::Problem<Code>;
pub(super) type Problems = tessera_strict_toml::Problems<Code>;
pub(super) type Field<'a> = tessera_strict_toml::Field<'a, Code>;
pub(super) type Table<'a> = tessera_strict_toml::Table<'a, Code>;
