//! Data that the operator has written to stores and databases before components start.

use crate::capabilities::sqlite::{Database, Local};
use crate::runtime_config::{OpenStores, RuntimeConfig};
use anyhow::{Context as _, anyhow, bail};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// The store of `--key-value`.
const STORE: &str = "default";

/// Data that is written at the start.
#[derive(Debug, Default)]
pub(crate) struct InitialData {
    /// Keys of the store `default`, with their values.
    pub(crate) key_values: Vec<(String, String)>,
    pub(crate) statements: Vec<Statements>,
}

/// SQL statements for one database.
#[derive(Debug)]
pub(crate) struct Statements {
    /// What they are called in messages.
    pub(crate) name: String,
    /// The database.
    pub(crate) label: String,
    pub(crate) sql: String,
}

impl InitialData {
    /// The stores that it needs.
    pub(super) fn stores(&self) -> BTreeSet<String> {
        let store = (!self.key_values.is_empty()).then(|| STORE.to_owned());
        store.into_iter().collect()
    }

    /// Writes all of it, in its order.
    pub(super) async fn write(
        &self,
        config: &RuntimeConfig,
        stores: &OpenStores,
        state_dir: &Path,
    ) -> anyhow::Result<()> {
        for store in stores.select(&[STORE.to_owned()]).values() {
            for (key, value) in &self.key_values {
                let written = store.set(key.clone(), value.clone().into_bytes()).await;
                written.with_context(|| format!("--key-value {key}: it can't be set"))?;
            }
        }
        for statements in &self.statements {
            let Statements { name, label, sql } = statements;
            let databases = config.databases(&[label.clone()].into(), state_dir);
            match databases.with_context(|| name.clone())?.remove(label) {
                Some(Database::Local(local)) => run(name, local, sql).await?,
                Some(Database::Server(_)) | None => {
                    bail!(
                        "{name}: the database `{label}` is on a server: run it with its own tools"
                    )
                }
            }
        }
        Ok(())
    }
}

async fn run(name: &str, database: Arc<Local>, sql: &str) -> anyhow::Result<()> {
    if database.path.is_none() {
        bail!(
            "{name}: the database is in memory, and each connection has its own: give it a `path` \
             in the runtime configuration file"
        );
    }
    let sql = sql.to_owned();
    let ran = tokio::task::spawn_blocking(move || database.run(&sql)).await?;
    ran.map_err(|error| anyhow!("{name}: {error}"))
}
