//! Data that is written to stores and databases before components start.

use crate::application::{InitialData, Statements};
use crate::commands::name_and_value;
use anyhow::{Context as _, ensure};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

/// The maximum size of a file with SQL statements.
const FILE_MAX_BYTES: u64 = 64 << 20;
/// The database of statements that name none.
const DEFAULT: &str = "default";

/// Data that is written before components start.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// Set a key of the key-value store `default` at the start, and replace its value. Can be
    /// repeated.
    #[arg(long = "key-value", value_name = "KEY=VALUE", value_parser = name_and_value)]
    key_values: Vec<(String, String)>,
    /// Run a SQL statement on the SQLite database `default` at the start. `@FILE` runs all
    /// statements of a file, and `@FILE:LABEL` runs them on another database. Can be repeated; they
    /// run in their order.
    #[arg(long = "sqlite", value_name = "STATEMENT")]
    statements: Vec<Sql>,
}

/// One `--sqlite`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sql {
    Text(String),
    File { path: PathBuf, label: String },
}

impl FromStr for Sql {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(file) = text.strip_prefix('@') else { return Ok(Self::Text(text.to_owned())) };
        let (path, label) = file.split_once(':').unwrap_or((file, DEFAULT));
        let (path, label) = (path.trim(), label.trim());
        if path.is_empty() || label.is_empty() {
            return Err("write @FILE or @FILE:LABEL".to_owned());
        }
        Ok(Self::File { path: path.into(), label: label.to_owned() })
    }
}

impl Data {
    /// The data, with the content of files.
    pub(super) fn read(&self) -> anyhow::Result<InitialData> {
        let statements = self.statements.iter().map(read).collect::<anyhow::Result<_>>()?;
        Ok(InitialData { key_values: self.key_values.clone(), statements })
    }
}

fn read(sql: &Sql) -> anyhow::Result<Statements> {
    let (path, label) = match sql {
        Sql::Text(sql) => {
            let (name, sql) = (format!("--sqlite {sql:?}"), sql.clone());
            return Ok(Statements { name, label: DEFAULT.to_owned(), sql });
        }
        Sql::File { path, label } => (path, label),
    };
    let name = format!("--sqlite: {}", path.display());
    let unreadable = || format!("{name} can't be read");
    let length = fs::metadata(path).with_context(unreadable)?.len();
    ensure!(length <= FILE_MAX_BYTES, "{name} is longer than {FILE_MAX_BYTES} bytes");
    let sql = fs::read_to_string(path).with_context(unreadable)?;
    Ok(Statements { name, label: label.clone(), sql })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_text_or_a_file_with_or_without_a_label() {
        let file =
            |path: &str, label: &str| Ok(Sql::File { path: path.into(), label: label.into() });
        assert_eq!("SELECT 1".parse(), Ok(Sql::Text("SELECT 1".into())));
        assert_eq!("@a.sql".parse(), file("a.sql", "default"));
        assert_eq!("@a.sql:other".parse(), file("a.sql", "other"));
        for text in ["@", "@:other", "@a.sql:"] {
            assert!(text.parse::<Sql>().is_err(), "{text}");
        }
    }
}
