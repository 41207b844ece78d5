//! The settings of the engine.

use std::{collections::HashMap, path::PathBuf};

use crate::Limits;

/// The settings of the engine. The defaults suit a shop on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The limits of single operations.
    pub limits: Limits,
    /// Database files outside of the directory, by label. Two labels may name one file: their keys
    /// stay separate, as in stock Spin. Missing parent directories are created.
    pub paths: HashMap<String, PathBuf>,
    /// The limits of each database.
    pub database: tessera_sqlite::Options,
    /// The maximum size of the keys and values that are kept in memory, of all databases together,
    /// in bytes; 0 for none.
    pub cache_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            paths: HashMap::new(),
            database: tessera_sqlite::Options::default(),
            cache_bytes_max: 64 * 1024 * 1024,
        }
    }
}
