//! `[sqlite_database.<label>]`: the SQLite databases of an application.

use super::RuntimeConfig;
use super::reader::{Field, Table};
use crate::capabilities::sqlite::Database;
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The database that exists without configuration, and its file in the state directory.
const DEFAULT: (&str, &str) = ("default", "sqlite_db.db");

/// The types of Spin; those that this host does not support have their name as a value.
const TYPES: [(&str, Option<&str>); 2] = [("spin", None), ("libsql", Some("libsql"))];

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabaseKind {
    Local(Database),
    /// In an engine of Spin that this host does not support.
    Unsupported(&'static str),
}

pub(super) fn read(root: &mut Table<'_>, folder: &Path) -> BTreeMap<String, DatabaseKind> {
    let databases = root.optional("sqlite_database");
    let entries = databases.map(|field| field.entries()).unwrap_or_default().into_iter();
    entries.filter_map(|(label, field)| Some((label.name.clone(), kind(&field, folder)?))).collect()
}

fn kind(field: &Field<'_>, folder: &Path) -> Option<DatabaseKind> {
    let mut table = field.table()?;
    let kind = table.required("type", "add `type = \"spin\"`")?;
    if let Some(unsupported) = kind.one_of(&TYPES)? {
        return Some(DatabaseKind::Unsupported(unsupported));
    }
    let path = table.string("path").map(|path| folder.join(path));
    let attach = table.optional("allow_attach_file").and_then(|field| field.boolean());
    let allow_attach_file = attach.unwrap_or_default();
    table.finish();
    Some(DatabaseKind::Local(Database { path, allow_attach_file }))
}

impl RuntimeConfig {
    /// The databases with these labels. `default` is in `state_dir` unless it is configured.
    ///
    /// # Errors
    /// A label is not configured, or its folder can't be created.
    pub(crate) fn databases(
        &self,
        labels: &BTreeSet<String>,
        state_dir: &Path,
    ) -> anyhow::Result<BTreeMap<String, Arc<Database>>> {
        labels.iter().map(|label| Ok((label.clone(), self.database(label, state_dir)?))).collect()
    }

    fn database(&self, label: &str, state_dir: &Path) -> anyhow::Result<Arc<Database>> {
        let database = match self.databases.get(label) {
            Some(DatabaseKind::Local(database)) => database.clone(),
            Some(DatabaseKind::Unsupported(kind)) => anyhow::bail!(
                "the SQLite database `{label}` has the type `{kind}`, which is not supported yet: in \
                 the runtime configuration file, `type = \"spin\"` with a `path` stores it in a file"
            ),
            None if label == DEFAULT.0 => {
                Database { path: Some(state_dir.join(DEFAULT.1)), allow_attach_file: false }
            }
            None => anyhow::bail!(
                "the SQLite database `{label}` is not configured: add [sqlite_database.{label}] \
                 with `type = \"spin\"` and a `path` to the runtime configuration file, and pass the \
                 file with --runtime-config-file"
            ),
        };
        if let Some(folder) = database.path.as_deref().and_then(Path::parent) {
            std::fs::create_dir_all(folder).with_context(|| {
                format!("the folder of the SQLite database `{label}` can't be created")
            })?;
        }
        Ok(Arc::new(database))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config(text: &str) -> RuntimeConfig {
        RuntimeConfig::parse(Path::new("/nowhere/runtime-config.toml"), text).unwrap()
    }

    fn find(config: &RuntimeConfig, label: &str, state: &Path) -> anyhow::Result<Arc<Database>> {
        Ok(config.databases(&[label.to_owned()].into(), state)?[label].clone())
    }

    #[test]
    fn the_default_database_is_a_file_in_the_state_directory() {
        let folder = tempfile::tempdir().unwrap();
        let database = find(&config(""), "default", folder.path()).unwrap();
        assert_eq!(database.path.as_deref(), Some(&*folder.path().join("sqlite_db.db")));
        assert!(!database.allow_attach_file);
    }

    #[test]
    fn databases_have_a_file_or_stay_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/a.db");
        let config = config(&format!(
            "[sqlite_database.default]\ntype = \"spin\"\n[sqlite_database.a]\ntype = \"spin\"\n\
             path = {path:?}\nallow_attach_file = true\n"
        ));
        let memory = Database { path: None, allow_attach_file: false };
        assert_eq!(*find(&config, "default", folder.path()).unwrap(), memory);
        let file = Database { path: Some(path.clone()), allow_attach_file: true };
        assert_eq!(*find(&config, "a", folder.path()).unwrap(), file);
        assert!(path.parent().unwrap().is_dir());
    }

    #[test]
    fn a_database_that_is_not_configured_or_not_supported_is_named() {
        let config = config("[sqlite_database.far]\ntype = \"libsql\"\nurl = \"x\"\n");
        for (label, words) in [("far", "the type `libsql`"), ("b", "[sqlite_database.b]")] {
            let error = find(&config, label, Path::new("/nowhere")).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
