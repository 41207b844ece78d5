//! `[key_value_store.<label>]`, and opening the stores.

use super::RuntimeConfig;
use super::reader::{Code, Field, Table};
use crate::chaos::{Faults, StoreWithFaults};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tessera_redis::Address;
use tessera_storage::embedded::{Embedded, Options};
use tessera_storage::memory::Memory;
use tessera_storage::redis::{self, Redis};
use tessera_storage::{Health, KeyValue, Stores};
use tokio::time::MissedTickBehavior;

/// The interval between removals of expired keys.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The types of Spin.
const TYPES: [(&str, Type); 4] = [
    ("spin", Type::Spin),
    ("redis", Type::Redis),
    ("azure_cosmos", Type::Unsupported("azure_cosmos")),
    ("aws_dynamo", Type::Unsupported("aws_dynamo")),
];

/// The type of a store.
#[derive(Debug, Clone, Copy)]
enum Type {
    Spin,
    Redis,
    /// One that this host does not support, with its name.
    Unsupported(&'static str),
}

/// Where the data of a store is.
#[derive(Debug, Clone)]
pub(crate) enum StoreKind {
    /// In a file, with an absolute path or one relative to the working directory of the host.
    File(PathBuf),
    /// In memory, until the host ends.
    Memory,
    /// In a database of Redis, with its address as it is written.
    Redis(String, Address),
    /// In an engine of Spin that this host does not support. Opening it is an error, because data
    /// that is written elsewhere would be lost.
    Unsupported(&'static str),
}

pub(super) fn read(root: &mut Table<'_>, folder: &Path) -> BTreeMap<String, StoreKind> {
    let stores = root.optional("key_value_store");
    let entries = stores.map(|field| field.entries()).unwrap_or_default().into_iter();
    entries.filter_map(|(label, field)| Some((label.name.clone(), kind(&field, folder)?))).collect()
}

fn kind(field: &Field<'_>, folder: &Path) -> Option<StoreKind> {
    let mut table = field.table()?;
    let kind = table.required("type", "add `type = \"spin\"`")?;
    match kind.one_of(&TYPES)? {
        Type::Unsupported(name) => Some(StoreKind::Unsupported(name)),
        Type::Spin => {
            let path = table.string("path").map(|path| StoreKind::File(folder.join(path)));
            table.finish();
            Some(path.unwrap_or(StoreKind::Memory))
        }
        Type::Redis => {
            let url = table.required("url", "add `url = \"redis://localhost:6379\"`");
            table.finish();
            redis(&url?)
        }
    }
}

fn redis(url: &Field<'_>) -> Option<StoreKind> {
    let text = url.string()?;
    match Address::parse(&text) {
        Ok(address) => Some(StoreKind::Redis(text, address)),
        Err(error) => {
            let hint = "write `redis://host:port`, or `rediss://…` for TLS";
            let message = format!("is not an address of Redis: {error}");
            url.report(Code::BadValue, &message, "not an address", hint);
            None
        }
    }
}

/// The open stores of an application.
pub(crate) struct OpenStores {
    by_label: BTreeMap<String, Arc<dyn KeyValue>>,
    engines: Engines,
}

/// The engines of the stores.
#[derive(Clone)]
pub(crate) struct Engines {
    pub(crate) embedded: Arc<Embedded>,
    memory: Arc<Memory>,
    /// By their addresses.
    redis: BTreeMap<String, Arc<Redis>>,
}

impl RuntimeConfig {
    /// The files of stores outside of the state directory.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.stores.values().filter_map(|kind| match kind {
            StoreKind::File(path) => Some(path.as_path()),
            StoreKind::Memory | StoreKind::Redis(..) | StoreKind::Unsupported(_) => None,
        })
    }

    /// Opens the stores with these labels. A store that is not configured is `<label>.db` in
    /// `state_dir`, which no other process may use at the same time.
    pub(crate) async fn open_stores(
        &self,
        labels: &BTreeSet<String>,
        state_dir: &Path,
    ) -> anyhow::Result<OpenStores> {
        let paths = self.stores.iter().filter_map(|(label, kind)| match kind {
            StoreKind::File(path) => Some((label.clone(), path.clone())),
            _ => None,
        });
        let options = Options { paths: paths.collect(), ..Options::default() };
        let embedded = Arc::new(Embedded::open(state_dir, options)?);
        let memory = Arc::new(Memory::default());
        let mut redis = BTreeMap::new();
        let mut by_label = BTreeMap::new();
        for label in labels {
            let store = match self.stores.get(label) {
                Some(StoreKind::Unsupported(kind)) => anyhow::bail!(
                    "the store `{label}` has the type `{kind}`, for which this host has no client: \
                     in the runtime configuration file, `type = \"spin\"` with a `path` stores it \
                     in a file"
                ),
                Some(StoreKind::Memory) => {
                    tracing::warn!(
                        "the store `{label}` is in memory: its data are lost when the host ends. \
                         To keep them, give it a `path` in the runtime configuration file"
                    );
                    memory.open(label).await
                }
                Some(StoreKind::Redis(url, address)) => {
                    let engine = redis.entry(url.clone()).or_insert_with(|| engine(address));
                    warn_if_unreachable(label, engine).await;
                    engine.open(label).await
                }
                Some(StoreKind::File(_)) | None => embedded.open(label).await,
            };
            let store = store.with_context(|| format!("the store `{label}` cannot be opened"))?;
            if embedded.health(label) == Some(Health::Damaged) {
                tracing::error!(
                    "the store `{label}` is damaged and read-only: restore {} from a backup, or \
                     move it away, and start again",
                    embedded.path(label).display()
                );
            }
            #[cfg(feature = "fault-points")]
            let store: Arc<dyn KeyValue> =
                Arc::new(crate::fault_points::FaultyStore { label: label.clone(), store });
            by_label.insert(label.clone(), store);
        }
        Ok(OpenStores { by_label, engines: Engines { embedded, memory, redis } })
    }
}

fn engine(address: &Address) -> Arc<Redis> {
    Arc::new(Redis::new(address.clone(), redis::Options::default()))
}

/// A server that can't be reached may come later, so this is no reason not to start.
async fn warn_if_unreachable(label: &str, engine: &Redis) {
    if let Err(error) = engine.check().await {
        tracing::warn!("the store `{label}` is not available: {error}");
    }
}

impl OpenStores {
    /// The same stores, with the faults that an operator injects.
    pub(crate) fn with_faults(self, faults: &Option<Arc<Faults>>) -> Self {
        let Some(faults) = faults else { return self };
        let with_faults = |(label, store): (String, Arc<dyn KeyValue>)| {
            let faults = faults.clone();
            let store: Arc<dyn KeyValue> =
                Arc::new(StoreWithFaults { label: label.clone(), store, faults });
            (label, store)
        };
        Self { by_label: self.by_label.into_iter().map(with_faults).collect(), ..self }
    }

    /// The stores with these labels.
    pub(crate) fn select(&self, labels: &[String]) -> BTreeMap<String, Arc<dyn KeyValue>> {
        let wanted = labels.iter().filter_map(|label| self.by_label.get_key_value(label));
        wanted.map(|(label, store)| (label.clone(), store.clone())).collect()
    }

    pub(crate) fn engines(&self) -> Engines {
        self.engines.clone()
    }

    /// Finishes all writes and closes the files.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        for engine in self.engines.redis.values() {
            engine.close().await?;
        }
        Ok(self.engines.embedded.close().await?)
    }
}

impl Engines {
    /// Removes expired keys periodically until the stores are closed.
    #[expect(clippy::disallowed_methods, reason = "keys expire at a date")]
    pub(crate) async fn sweep_expired(self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = None;
        while !self.embedded.is_closed() {
            ticks.tick().await;
            let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now_ms = u64::try_from(now_ms.as_millis()).unwrap_or(u64::MAX);
            let in_files = self.embedded.sweep_expired(now_ms).await;
            let in_memory = self.memory.sweep_expired(now_ms).await;
            let mut failure = in_files.and(in_memory).err();
            for engine in self.redis.values() {
                failure = engine.sweep_expired(now_ms).await.err().or(failure);
            }
            let failure = failure.filter(|_| !self.embedded.is_closed());
            if let Some(error) = failure.as_ref().filter(|_| failure != reported) {
                tracing::warn!("expired keys could not be removed: {error}");
            }
            reported = failure;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn labels(labels: &[&str]) -> BTreeSet<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[tokio::test]
    async fn stores_without_configuration_are_files_in_the_state_directory() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere/x.db");
        let stores = BTreeMap::from([
            ("memory".to_owned(), StoreKind::Memory),
            ("elsewhere".to_owned(), StoreKind::File(elsewhere.clone())),
        ]);
        let config = RuntimeConfig { stores, ..RuntimeConfig::default() };
        let state = folder.path().join("state");
        let wanted = labels(&["memory", "elsewhere", "cart"]);
        let open = config.open_stores(&wanted, &state).await.unwrap();
        for store in open.by_label.values() {
            store.set("k".into(), b"v".to_vec()).await.unwrap();
        }
        assert!(state.join("cart.db").exists());
        assert!(elsewhere.exists());
        assert!(!state.join("memory.db").exists());
        assert_eq!(open.select(&["cart".to_owned()]).len(), 1);
        open.close().await.unwrap();
    }

    #[tokio::test]
    async fn an_unsupported_engine_is_an_error_only_when_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let stores = BTreeMap::from([("a".to_owned(), StoreKind::Unsupported("aws_dynamo"))]);
        let config = RuntimeConfig { stores, ..RuntimeConfig::default() };
        let open = config.open_stores(&labels(&[]), folder.path()).await.unwrap();
        open.close().await.unwrap();
        drop(open);
        let other = folder.path().join("other");
        let error = config.open_stores(&labels(&["a"]), &other).await.err().unwrap();
        assert!(error.to_string().contains("has the type `aws_dynamo`"), "{error}");
    }
}
