//! `[sqlite_database.<label>]`: the SQLite databases of an application.

use super::RuntimeConfig;
use super::reader::{Code, Field, Table};
use crate::capabilities::sqlite::{Database, Local, Server};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The database that exists without configuration, and its file in the state directory.
const DEFAULT: (&str, &str) = ("default", "sqlite_db.db");

/// The types of Spin.
#[derive(Clone, Copy)]
enum Type {
    Spin,
    LibSql,
}

const TYPES: [(&str, Type); 2] = [("spin", Type::Spin), ("libsql", Type::LibSql)];

pub(super) fn read(root: &mut Table<'_>) -> BTreeMap<String, Database> {
    let databases = root.optional("sqlite_database");
    let entries = databases.map(|field| field.entries()).unwrap_or_default().into_iter();
    entries.filter_map(|(label, field)| Some((label.name.clone(), database(&field)?))).collect()
}

fn database(field: &Field<'_>) -> Option<Database> {
    let mut table = field.table()?;
    let kind = table.required("type", "add `type = \"spin\"`")?;
    let database = match kind.one_of(&TYPES)? {
        Type::Spin => Some(Database::Local(local(&mut table).into())),
        Type::LibSql => server(&mut table).map(|server| Database::Server(server.into())),
    };
    table.finish();
    database
}

fn local(table: &mut Table<'_>) -> Local {
    // As in Spin, from the working directory.
    let path = table.string("path").map(|path| std::path::absolute(&path).unwrap_or(path.into()));
    let attach = table.optional("allow_attach_file").and_then(|field| field.boolean());
    Local { path, allow_attach_file: attach.unwrap_or_default() }
}

fn server(table: &mut Table<'_>) -> Option<Server> {
    let url = table.required("url", "add `url = \"https://…\"`");
    let token = table.required("token", "add `token = \"…\"`");
    let (url, token) = (url?, token?);
    let server = Server::new(&url.text()?, &token.string()?);
    server
        .map_err(|fault| {
            let hint = "write the address of the server, for example `https://db.example`";
            url.report_invalid(Code::BadValue, "a URL of a libSQL server", fault, hint);
        })
        .ok()
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
    ) -> anyhow::Result<BTreeMap<String, Database>> {
        labels.iter().map(|label| Ok((label.clone(), self.database(label, state_dir)?))).collect()
    }

    fn database(&self, label: &str, state_dir: &Path) -> anyhow::Result<Database> {
        let local = match self.databases.get(label) {
            Some(Database::Local(local)) => {
                if local.path.is_none() {
                    tracing::warn!(
                        "the SQLite database `{label}` is in memory, and each connection has its \
                         own: it is lost when the connection is closed. To keep it, give it a \
                         `path` in the runtime configuration file"
                    );
                }
                local.clone()
            }
            Some(server) => return Ok(server.clone()),
            None if label == DEFAULT.0 => {
                let path = Some(state_dir.join(DEFAULT.1));
                Arc::new(Local { path, allow_attach_file: false })
            }
            None => anyhow::bail!(
                "the SQLite database `{label}` is not configured: add [sqlite_database.{label}] \
                 with `type = \"spin\"` and a `path` to the runtime configuration file, and pass the \
                 file with --runtime-config-file"
            ),
        };
        if let Some(folder) = local.path.as_deref().and_then(Path::parent) {
            std::fs::create_dir_all(folder).with_context(|| {
                format!("the folder of the SQLite database `{label}` can't be created")
            })?;
        }
        Ok(Database::Local(local))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::path::PathBuf;

    fn config(text: &str) -> RuntimeConfig {
        RuntimeConfig::parse(Path::new("/nowhere/runtime-config.toml"), text).unwrap()
    }

    fn find(config: &RuntimeConfig, label: &str, state: &Path) -> anyhow::Result<Database> {
        Ok(config.databases(&[label.to_owned()].into(), state)?[label].clone())
    }

    fn local(path: Option<PathBuf>, allow_attach_file: bool) -> Database {
        Database::Local(Local { path, allow_attach_file }.into())
    }

    #[test]
    fn the_default_database_is_a_file_in_the_state_directory() {
        let folder = tempfile::tempdir().unwrap();
        let database = find(&config(""), "default", folder.path()).unwrap();
        assert_eq!(database, local(Some(folder.path().join("sqlite_db.db")), false));
    }

    #[test]
    fn databases_have_a_file_or_stay_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/a.db");
        let config = config(&format!(
            "[sqlite_database.default]\ntype = \"spin\"\n[sqlite_database.a]\ntype = \"spin\"\n\
             path = {path:?}\nallow_attach_file = true\n"
        ));
        assert_eq!(find(&config, "default", folder.path()).unwrap(), local(None, false));
        let file = local(Some(path.clone()), true);
        assert_eq!(find(&config, "a", folder.path()).unwrap(), file);
        assert!(path.parent().unwrap().is_dir());
    }

    #[test]
    fn a_database_that_is_not_configured_is_named() {
        let error = find(&config(""), "b", Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("[sqlite_database.b]"), "{error}");
    }

    #[test]
    fn databases_on_servers_have_a_url_and_a_token() {
        let config = config(
            "[sqlite_database.far]\ntype = \"libsql\"\nurl = \"libsql://db.example\"\ntoken = \"t\"\n",
        );
        let expected = Server::new("https://db.example", "t").unwrap();
        let found = find(&config, "far", Path::new("/nowhere")).unwrap();
        assert_eq!(found, Database::Server(expected.into()));
        let errors = RuntimeConfig::parse(
            Path::new("/nowhere/runtime-config.toml"),
            "[sqlite_database.a]\ntype = \"libsql\"\n[sqlite_database.b]\ntype = \"libsql\"\n\
             url = \"ws://db.example\"\ntoken = \"t\"\n",
        );
        let errors = format!("{:#}", errors.unwrap_err());
        for words in
            ["`sqlite_database.a.url`", "`sqlite_database.a.token`", "`sqlite_database.b.url`"]
        {
            assert!(errors.contains(words), "{errors}");
        }
    }
}
